"""Race of residuals and their gradients against PyTorch's eager differentiation and jit-compiled JAX.

    PYTHONPATH=build/release/python taskset -c 0 python3 bench/pinn_rivals.py [--rounds 9]

One core, double precision, processor time, medians of alternating rounds; each line gives our time and the rivals' in units of it. The
network has four hidden layers of 50 tanh neurons in (x, t). Burgers' equation is of order 2, u_t + u u_x + u_xx + u_xxxx of order 4.
Ours is called through Python, as a user does, and so reads the equation's text in every call. JAX differentiates either by nested
modes (grad of grad, vmap over points) or by jax.experimental.jet. Before a race all gradients are compared. What is not installed is
left out.
"""

import argparse
import os
import statistics
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402

import starling  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=9)
options = parser.parse_args()

try:
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
except ImportError:
    torch = None
try:
    import jax
    import jax.numpy as jnp
    from jax.experimental.jet import jet

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
except ImportError:
    jax = None

NU = 0.01 / np.pi
EQUATIONS = {2: f"u_t + u*u_x - {NU!r}*u_xx = 0", 4: "u_t + u*u_x + u_xx + u_xxxx = 0"}


def network(rng, widths=(2, 50, 50, 50, 50, 1)):
    weights = [rng.uniform(-1, 1, (m, n)) * np.sqrt(6 / (m + n)) for n, m in zip(widths, widths[1:])]
    return weights, [0.1 * rng.standard_normal(m) for m in widths[1:]]


def flat(slopes):
    """Slopes of weights and biases, layer after layer: W0, b0, W1, b1, ..., as ours orders them."""
    return np.concatenate([np.asarray(part).ravel() for layer in zip(*slopes) for part in layer])


def ours(order, weights, biases, points):
    return lambda: starling.pinn.residual_gradient(EQUATIONS[order], weights, biases, points)["gradient"]


def in_torch(order, weights, biases, points):
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
        slopes = torch.autograd.grad((r * r).mean() / 2, w + b)
        return [s.numpy() for s in slopes[: len(w)]], [s.numpy() for s in slopes[len(w) :]]

    return run


def in_jax(order, weights, biases, points, by_jet):
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

        return jax.grad(loss)(p)

    return lambda: jax.block_until_ready(gradient(parameters))


def median_times(contestants):
    """Median seconds of each, rounds alternating, so that a change of the clock meets all; short calls are repeated to 20 ms."""
    repeats = {}
    for name, run in contestants.items():
        run()
        start = time.process_time()
        run()
        repeats[name] = max(1, int(0.02 / (time.process_time() - start)))
    times = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            run()
            start = time.process_time()
            for _ in range(repeats[name]):
                run()
            times[name].append((time.process_time() - start) / repeats[name])
    return {name: statistics.median(values) for name, values in times.items()}


def race(order, count):
    rng = np.random.default_rng(count)
    weights, biases = network(rng)
    points = np.column_stack((rng.uniform(-1, 1, count), rng.uniform(0, 1, count)))
    problem = (order, weights, biases, points)
    contestants = {"starling": ours(*problem)}
    if torch:
        contestants["torch, eager"] = in_torch(*problem)
    if jax:
        contestants["jax, jit"] = in_jax(*problem, by_jet=False)
        contestants["jax, jit of jet"] = in_jax(*problem, by_jet=True)
    expected = contestants["starling"]()
    for name, run in contestants.items():
        found = run() if name == "starling" else flat(run())
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        if not error < 1e-10:
            raise SystemExit(f"{name}, order {order}: gradients differ by {error:.1e}")
    found = median_times(contestants)
    own = found.pop("starling")
    rivals = "".join(f"  {name} {seconds / own:6.1f} x" for name, seconds in found.items())
    print(f"order {order}, {count:>5} points {1e3 * own:9.3f} ms{rivals}", flush=True)


for order in (2, 4):
    for count in (16, 128, 1024):
        race(order, count)
