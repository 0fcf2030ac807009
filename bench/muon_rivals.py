"""Race of the regularised map and of Muon against Newton-Schulz in PyTorch, numpy's decomposition and optax.contrib.muon.

    PYTHONPATH=build/release/python taskset -c 0 python3 bench/muon_rivals.py [--rounds 9]

One core (`taskset -c 0`), processor time, medians of alternating rounds. Each line gives our time and the rivals' in units of it.
The map's epsilon is half the root mean square of the singular values, its tolerance 1e-5 in float32 and 1e-12 in float64. What is
not installed is left out.
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
except ImportError:
    torch = None
try:
    import jax
    import optax
except ImportError:
    jax = None


def seconds(run, repeats):
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def medians(contestants):
    """Median seconds of each, rounds alternating, so that a change of the clock meets all. What is short is repeated for
    five milliseconds a round: each is timed in the caches that it has filled itself."""
    for run in contestants.values():
        run()
    repeats = {name: max(1, round(5e-3 / seconds(run, 3))) for name, run in contestants.items()}
    times = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            times[name].append(seconds(run, repeats[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def report(title, contestants):
    found = medians(contestants)
    own = found.pop("starling")
    rivals = "".join(f"  {name} {taken / own:6.2f} x" for name, taken in found.items())
    print(f"{title:<44}{1e3 * own:9.3f} ms{rivals}", flush=True)


def newton_schulz(g):
    """K. Jordan's five steps as the reference writes them, without its cast."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.size(-2) > g.size(-1)
    x = g.mT if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def regularised(m):
    return starling.muon.orthogonalize(m, epsilon=0.5, scale="relative")


def by_decomposition(m):
    u, s, v = np.linalg.svd(m, full_matrices=False)
    e = 0.5 * np.linalg.norm(m) / np.sqrt(min(m.shape))
    return (u * (s / np.sqrt(s * s + e * e))) @ v


def race_maps(rng):
    for shape in ((128, 512), (512, 128), (256, 256), (512, 2048)):
        m = rng.standard_normal(shape).astype(np.float32)
        contestants = {"starling": lambda m=m: regularised(m), "own jordan": lambda m=m: starling.muon.orthogonalize(m, "jordan")}
        if torch:
            t = torch.from_numpy(m)
            contestants["torch newton-schulz"] = lambda t=t: newton_schulz(t)
        report(f"regularised map, float32, {shape[0]} x {shape[1]}", contestants)
    for size in (16, 32):
        m = rng.standard_normal((1024 if size == 16 else 256, size, size)).astype(np.float32)
        contestants = {"starling": lambda m=m: regularised(m), "own jordan": lambda m=m: starling.muon.orthogonalize(m, "jordan")}
        if torch:
            t = torch.from_numpy(m)
            contestants["torch batched"] = lambda t=t: newton_schulz(t)
            contestants["torch loop"] = lambda t=t: [newton_schulz(x) for x in t]
        report(f"regularised map, float32, {len(m)} of {size} x {size}", contestants)
    m = rng.standard_normal((512, 2048))
    report("regularised map, float64, 512 x 2048", {"starling": lambda: regularised(m), "numpy's svd": lambda: by_decomposition(m)})
    error = np.linalg.norm(regularised(m) - by_decomposition(m), 2)
    single = rng.standard_normal((128, 512)).astype(np.float32)
    error32 = np.linalg.norm(regularised(single).astype(float) - by_decomposition(single.astype(float)), 2)
    print(f"spectral error against the decomposition: {error:.1e} in float64, {error32:.1e} in float32 (128 x 512)")


def transformer(rng, width=128, blocks=12):
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * blocks
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def race_optimisers(rng):
    params, grads = transformer(rng), transformer(rng)
    ours = starling.optim.Muon([p.copy() for p in params], lr=1e-3)
    contestants = {"starling": lambda: ours.step(grads)}
    if torch:
        held = [torch.from_numpy(p.copy()) for p in params]
        momenta = [torch.zeros_like(p) for p in held]
        slopes = [torch.from_numpy(g) for g in grads]

        def torch_step():
            for p, m, g in zip(held, momenta, slopes):
                m.lerp_(g, 0.05)
                p.add_(newton_schulz(g.lerp(m, 0.95)), alpha=-1e-3)

        contestants["torch reference"] = torch_step
    if jax:
        rule = optax.contrib.muon(1e-3)
        trees, slopes_of = [{f"w{i}": jax.numpy.asarray(a) for i, a in enumerate(x)} for x in (params, grads)]
        state = [trees, rule.init(trees)]

        @jax.jit
        def update(p, s, g):
            updates, s = rule.update(g, s, p)
            return optax.apply_updates(p, updates), s

        def optax_step():
            state[0], state[1] = jax.block_until_ready(update(state[0], state[1], slopes_of))

        contestants["optax, jit"] = optax_step
    report("Muon, a step of 12 blocks of width 128", contestants)


race_maps(np.random.default_rng(0))
race_optimisers(np.random.default_rng(1))
