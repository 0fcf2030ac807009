"""Residuals of equations and their gradients in a network's parameters: PyTorch, JAX under jit in two ways, DeepXDE."""

import harness
from harness import Case, Rival

import numpy as np

import starling

TITLE = "Residuals of equations"
ABOUT = (
    "The gradient of the mean squared residual in all parameters of a network of four hidden layers of 50 tanh neurons in (x, t): one step less "
    "the optimiser. Order 2 is Burgers' equation, order 4 u_t + u u_x + u_xx + u_xxxx = 0. Starling and JAX keep what they made of the equation from call to call. "
    "PyTorch nests autograd.grad; DeepXDE is its own path of a training step on PyTorch, the points its anchors; JAX nests grad under vmap, or "
    "uses jax.experimental.jet. Loss and gradient are compared."
)
NU = 0.01 / np.pi
EQUATIONS = {2: f"u_t + u*u_x - {NU!r}*u_xx = 0", 4: "u_t + u*u_x + u_xx + u_xxxx = 0"}
WIDTHS = (2, 50, 50, 50, 50, 1)


def network(rng):
    weights = [rng.uniform(-1, 1, (m, n)) * np.sqrt(6 / (m + n)) for n, m in zip(WIDTHS, WIDTHS[1:])]
    return weights, [0.1 * rng.standard_normal(m) for m in WIDTHS[1:]]


def flat(loss, weights, biases):
    """The loss, then slopes layer after layer: W0, b0, W1, b1, ..., as ours orders them."""
    slopes = [np.asarray(part).ravel() for layer in zip(weights, biases) for part in layer]
    return np.concatenate([[float(loss)], *slopes])


def difference(answer, expected):
    """The larger of the relative differences of the losses and of the gradients, by their norms."""
    slope = np.linalg.norm(answer[1:] - expected[1:]) / np.linalg.norm(expected[1:])
    return float(np.maximum(slope, abs(answer[0] / expected[0] - 1)))


def ours(order, weights, biases, points):
    def run():
        found = starling.pinn.residual_gradient(EQUATIONS[order], weights, biases, points)
        return np.concatenate([[found["loss"]], found["gradient"]])

    return run


def in_torch(order, weights, biases, points):
    torch = harness.torch()
    w = [torch.tensor(a, requires_grad=True) for a in weights]
    b = [torch.tensor(a, requires_grad=True) for a in biases]
    x, t = (torch.tensor(points[:, i : i + 1].copy(), requires_grad=True) for i in (0, 1))

    def slope(of, by):
        return torch.autograd.grad(of, by, torch.ones_like(of), create_graph=True)[0]

    def run():
        h = torch.cat((x, t), 1)
        for a, c in zip(w[:-1], b[:-1]):
            h = torch.tanh(torch.addmm(c, h, a.T))
        u = torch.addmm(b[-1], h, w[-1].T)
        u_x, u_t = torch.autograd.grad(u, (x, t), torch.ones_like(u), create_graph=True)
        u_xx = slope(u_x, x)
        r = u_t + u * u_x - NU * u_xx if order == 2 else u_t + u * u_x + u_xx + slope(slope(u_xx, x), x)
        loss = (r * r).mean() / 2
        slopes = torch.autograd.grad(loss, w + b)
        return flat(loss.detach(), slopes[: len(w)], slopes[len(w) :])

    return run


def in_deepxde(order, weights, biases, points):
    torch = harness.torch()
    import deepxde as dde

    dde.config.set_default_float("float64")
    jacobian, hessian = dde.grad.jacobian, dde.grad.hessian

    def residual(at, u):
        u_x, u_t, u_xx = jacobian(u, at, i=0, j=0), jacobian(u, at, i=0, j=1), hessian(u, at, i=0, j=0)
        return u_t + u * u_x - NU * u_xx if order == 2 else u_t + u * u_x + u_xx + hessian(u_xx, at, i=0, j=0)

    domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1))
    data = dde.data.TimePDE(domain, residual, [], num_domain=0, anchors=points)
    net = dde.nn.FNN(list(WIDTHS), "tanh", "Glorot uniform")
    with torch.no_grad():
        for layer, weight, bias in zip(net.linears, weights, biases):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    batch = data.train_next_batch()

    def run():
        model.opt.zero_grad()
        _, losses = model.outputs_losses_train(*batch)
        loss = losses.sum() / 2  # its loss is the mean square, ours half of it
        loss.backward()
        return flat(loss.detach(), [layer.weight.grad for layer in net.linears], [layer.bias.grad for layer in net.linears])

    return run


def in_jax(order, weights, biases, points, by_jet):
    import jax
    import jax.numpy as jnp
    from jax.experimental.jet import jet

    parameters = [jnp.asarray(a) for a in weights], [jnp.asarray(a) for a in biases]
    data = jnp.asarray(points)

    def value(p, x, t):
        h = jnp.stack((x, t), -1)
        for a, c in zip(p[0][:-1], p[1][:-1]):
            h = jnp.tanh(h @ a.T + c)
        return (h @ p[0][-1].T + p[1][-1])[..., 0]

    def residual(u, u_x, u_t, u_xx, u_xxxx):
        return u_t + u * u_x - NU * u_xx if order == 2 else u_t + u * u_x + u_xx + u_xxxx

    def at_point(p, x, t):
        along = [lambda x: value(p, x, t)]
        for _ in range(order):
            along.append(jax.grad(along[-1]))
        u_t = jax.grad(value, 2)(p, x, t)
        return residual(along[0](x), along[1](x), u_t, along[2](x), along[order](x))

    def of_batch(p, x, t):
        one, none = jnp.ones_like(x), jnp.zeros_like(x)
        u, along = jet(lambda x: value(p, x, t), (x,), ((one,) + (none,) * (order - 1),))
        u_t = jax.jvp(lambda t: value(p, x, t), (t,), (one,))[1]
        return residual(u, along[0], u_t, along[1], along[order - 1])

    @jax.jit
    def gradient(p):
        def loss(p):
            x, t = data[:, 0], data[:, 1]
            r = of_batch(p, x, t) if by_jet else jax.vmap(at_point, (None, 0, 0))(p, x, t)
            return jnp.mean(r * r) / 2

        return jax.value_and_grad(loss)(p)

    def run():
        loss, slopes = jax.block_until_ready(gradient(parameters))
        return flat(loss, *slopes)

    return run


def cases():
    for order in (2, 4):
        for count in (16, 128, 1024):
            rng = np.random.default_rng(count)
            points = np.column_stack((rng.uniform(-1, 1, count), rng.uniform(0, 1, count)))
            problem = (order, *network(np.random.default_rng(7)), points)
            rivals = [
                Rival("PyTorch", lambda p=problem: in_torch(*p)),
                Rival("DeepXDE", lambda p=problem: in_deepxde(*p)),
                Rival("JAX, nested", lambda p=problem: in_jax(*p, by_jet=False)),
                Rival("JAX, jet", lambda p=problem: in_jax(*p, by_jet=True)),
            ]
            yield Case(
                f"order {order}, {count:,} points", "double", ours(*problem), rivals, tolerance=1e-10, difference=difference,
                quick=count == 128, seconds=3,
            )
