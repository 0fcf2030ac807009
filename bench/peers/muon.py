"""Muon's maps and a step of Muon: PyTorch's Newton-Schulz steps as the reference writes them, optax under jit, numpy's decomposition."""

import harness
from harness import Case, Rival

import numpy as np

import starling

TITLE = "Muon"
ABOUT = (
    "*Five steps* is K. Jordan's Newton-Schulz iteration, which Starling and its rivals compute alike and whose result is 0.3 from an orthogonal "
    "matrix. *Regularised* is Starling's default, s / √(s² + e²) with e half the root mean square of the singular values, to 1e-5; the "
    "rivals of those rows still run their five steps, and are held against Starling's five steps. Numpy decomposes, and computes the regularised "
    "map itself. A step of Muon adds momentum, scale and update, of 12 transformer blocks of width 128."
)
BETA, RATE = 0.95, 0.02


def jordan(m):
    return starling.muon.orthogonalize(m, "jordan")


def regularised(m):
    return starling.muon.orthogonalize(m, epsilon=0.5, scale="relative")


def by_decomposition(m):
    u, s, v = np.linalg.svd(m, full_matrices=False)
    e = 0.5 * np.linalg.norm(m) / np.sqrt(min(m.shape))
    return (u * (s / np.sqrt(s * s + e * e))) @ v


def newton_schulz(g):
    """Of the reference, without its cast to bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.size(-2) > g.size(-1)
    x = g.mT if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def in_torch(m):
    t = harness.torch().from_numpy(m)
    return lambda: newton_schulz(t).numpy()


def in_torch_loop(m):
    torch = harness.torch()
    t = torch.from_numpy(m)
    return lambda: torch.stack([newton_schulz(x) for x in t]).numpy()


def map_cases(shape, quick):
    m = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    makers = {"PyTorch": in_torch} | ({"PyTorch, a loop": in_torch_loop} if len(shape) == 3 else {})
    title = f"{shape[0]} of {shape[1]} x {shape[2]}" if len(shape) == 3 else f"{shape[0]} x {shape[1]}"
    same = [Rival(name, lambda make=make: make(m)) for name, make in makers.items()]
    other = [Rival(name, lambda make=make: make(m), expected=lambda: jordan(m)) for name, make in makers.items()]
    yield Case(f"five steps, {title}", "single", lambda: jordan(m), same, tolerance=1e-3, quick=quick, seconds=2)
    if len(shape) == 2:
        other.append(Rival("numpy's SVD", lambda: lambda: by_decomposition(m), tolerance=1e-4))
    yield Case(f"regularised, {title}", "single", lambda: regularised(m), other, tolerance=1e-3, seconds=3)


def transformer(rng, width=128, blocks=12):
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * blocks
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def flat(arrays):
    return np.concatenate([np.asarray(a).ravel() for a in arrays])


class FirstStep:
    """A step that returns how the parameters changed in the first call, of which alone the answer is asked."""

    def __init__(self, step, parameters):
        self._step, self._parameters, self._change = step, parameters, None

    def __call__(self):
        if self._change is None:
            before = flat(self._parameters()).copy()
            self._step()
            self._change = flat(self._parameters()) - before
        else:
            self._step()
        return self._change


def step_of_ours(params, grads, method):
    held = [p.copy() for p in params]
    rule = starling.optim.Muon(held, lr=RATE, method=method)
    return FirstStep(lambda: rule.step(grads), lambda: held)


def step_of_torch(params, grads):
    torch = harness.torch()
    held = [torch.from_numpy(p.copy()) for p in params]
    momenta = [torch.zeros_like(p) for p in held]
    slopes = [torch.from_numpy(g) for g in grads]

    def step():
        for p, m, g in zip(held, momenta, slopes):
            m.lerp_(g, 1 - BETA)
            p.add_(newton_schulz(g.lerp(m, BETA)), alpha=-RATE * max(1, p.size(-2) / p.size(-1)) ** 0.5)

    return FirstStep(step, lambda: held)


def step_of_optax(params, grads):
    import jax
    import optax

    # It reads a matrix as (inputs, outputs), and so scales by √(columns / rows): it is given the transposes.
    rule = optax.contrib.muon(RATE, beta=BETA)
    trees, slopes = ({f"w{i:02}": jax.numpy.asarray(np.ascontiguousarray(a.T)) for i, a in enumerate(x)} for x in (params, grads))
    state = [trees, rule.init(trees)]

    @jax.jit
    def update(p, s, g):
        updates, s = rule.update(g, s, p)
        return optax.apply_updates(p, updates), s

    def step():
        state[0], state[1] = jax.block_until_ready(update(*state, slopes))

    return FirstStep(step, lambda: [np.asarray(a).T for a in state[0].values()])


def step_cases():
    rng = np.random.default_rng(1)
    params, grads = transformer(rng), transformer(rng)

    def rivals(expected):
        makers = {"PyTorch": step_of_torch, "optax, jit": step_of_optax}
        return [Rival(name, lambda make=make: make(params, grads), expected=expected) for name, make in makers.items()]

    five = step_of_ours(params, grads, "jordan")
    yield Case("a step, five steps", "single", five, rivals(None), tolerance=1e-3, quick=True, rounds=3)
    own = step_of_ours(params, grads, "regularized")
    yield Case("a step, regularised", "single", own, rivals(lambda: step_of_ours(params, grads, "jordan")()), tolerance=1e-3)


def cases():
    for shape in ((128, 512), (512, 2048), (256, 256), (1024, 16, 16), (256, 32, 32)):
        yield from map_cases(shape, quick=shape == (128, 512))
    m = np.random.default_rng(2).standard_normal((512, 2048))
    decomposition = Rival("numpy's SVD", lambda: lambda: by_decomposition(m))
    yield Case("regularised, 512 x 2048", "double", lambda: regularised(m), [decomposition], tolerance=1e-10)
    yield from step_cases()
