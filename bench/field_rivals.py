"""The authors' doubly normalised drifting field: Starling against PyTorch and JAX, in one run.

    PYTHONPATH=build/release/python python bench/field_rivals.py [--rounds 7]

Single precision. Each round times every contestant once; printed are medians of processor time on one core, ratios of
medians, and the floor that this CPU's measured matrix-product speed sets where products dominate. A rival that is not
installed is left out. Then: memory at N = M = 100,000, the gain of a second thread, and the price of denormals.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np

from starling import drift

SHAPES = [(2048, 2, 0.05), (4096, 2, 0.05), (2048, 64, 0.5), (2048, 784, 2.0)]


def clouds(n, d):
    generator = np.random.default_rng(0)
    return (generator.normal(size=(n, d)).astype(np.float32) for _ in range(2))


def torch_contestant():
    """The function of the authors' notebook, formula by formula."""
    import torch

    torch.set_num_threads(1)

    def field(x, y, temperature):
        n = len(x)
        targets = torch.cat([x, y])
        distance = torch.cdist(x, targets)
        distance[torch.arange(n), torch.arange(n)] = 1e6
        kernel = (-distance / temperature).exp()
        normaliser = (kernel.sum(1, keepdim=True) * kernel.sum(0, keepdim=True)).clamp_min(1e-12).sqrt()
        affinity = kernel / normaliser
        negative, positive = affinity[:, :n], affinity[:, n:]
        return (positive * negative.sum(1, keepdim=True)) @ y - (negative * positive.sum(1, keepdim=True)) @ x

    def run(x, y, temperature):
        return field(torch.from_numpy(x), torch.from_numpy(y), temperature).numpy()

    return f"PyTorch {torch.__version__}", run


def jax_contestant():
    import jax
    import jax.numpy as jnp

    @jax.jit
    def field(x, y, temperature):
        n, d = x.shape
        targets = jnp.concatenate([x, y])
        if d <= 3:
            squares = ((x[:, None] - targets[None]) ** 2).sum(-1)
        else:
            squares = (x**2).sum(1)[:, None] + (targets**2).sum(1)[None] - 2 * x @ targets.T
        distance = jnp.sqrt(jnp.maximum(squares, 0)).at[jnp.arange(n), jnp.arange(n)].set(1e6)
        kernel = jnp.exp(-distance / temperature)
        affinity = kernel / jnp.sqrt(jnp.maximum(kernel.sum(1, keepdims=True) * kernel.sum(0, keepdims=True), 1e-12))
        negative, positive = affinity[:, :n], affinity[:, n:]
        return (positive * negative.sum(1, keepdims=True)) @ y - (negative * positive.sum(1, keepdims=True)) @ x

    return f"JAX {jax.__version__}, jit", lambda x, y, temperature: np.asarray(field(x, y, temperature))


def starling_contestant():
    return "Starling", lambda x, y, temperature: drift.velocity(x, y, field="toy", scale=temperature)


def contestants():
    for make in (starling_contestant, torch_contestant, jax_contestant):
        try:
            yield make()
        except ImportError as error:
            print(f"left out: {error}")


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def product_speed():
    """Single-precision FLOP/s of numpy's matrix product on this core."""
    a = np.ones((1024, 1024), np.float32)
    return 2 * 1024**3 / min(seconds(lambda: a @ a) for _ in range(9))


def race(rounds):
    field = list(contestants())
    speed = product_speed()
    print(f"matrix product of this core: {speed / 1e9:.0f} GFLOP/s (numpy)")
    for n, d, temperature in SHAPES:
        x, y = clouds(n, d)
        results = [run(x, y, temperature) for _, run in field]
        scale = np.abs(results[0]).max()
        times = [[] for _ in field]
        for _ in range(rounds):
            for k, (_, run) in enumerate(field):
                time.sleep(0.1)  # whatever the one before left to its background threads is not this one's time
                times[k].append(seconds(lambda: run(x, y, temperature)))
        medians = [statistics.median(t) for t in times]
        print(f"N = M = {n}, d = {d}")
        for k, (name, _) in enumerate(field):
            difference = np.abs(results[k] - results[0]).max() / scale
            print(f"  {name:24} {1e3 * medians[k]:8.1f} ms   {medians[k] / medians[0]:5.1f} x   difference {difference:.0e}")
        if d >= 16:
            # x x^T is symmetric; then x y^T, and the affinity times both clouds.
            floor = (n * n * d + 2 * n * n * d + 4 * n * n * d) / speed
            print(f"  {'its products alone':24} {1e3 * floor:8.1f} ms   {floor / medians[0]:5.1f} x")


def wall(call, repeats=5):
    best = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best.append(time.perf_counter() - start)
    return statistics.median(best)


def threads():
    """Run in a child: one field on the cores it is given."""
    x, y = clouds(8192, 2)
    print(wall(lambda: drift.velocity(x, y, field="paper", scale=0.05)))


def peak_kib():
    """The largest resident size of this program so far; getrusage would count what the parent had."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def memory():
    """Run in a child: what a field of 100,000 by 100,000 points adds to the process."""
    x, y = clouds(100_000, 2)
    before = peak_kib()
    spent = wall(lambda: drift.velocity(x, y, field="paper", scale=0.05), repeats=1)
    after = peak_kib()
    print(f"N = M = 100,000, d = 2: {spent:.1f} s, {after / 1024:.0f} MiB resident at most, {(after - before) / 1024:.0f} of them the field's")


def child(what, cores=None):
    command = [sys.executable, __file__, what]
    if cores:
        command = ["taskset", "-c", cores, *command]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def denormals():
    x, y = clouds(2048, 2)
    times = {h: statistics.median([seconds(lambda: drift.velocity(x, y, "conservative", "gaussian", h)) for _ in range(9)]) for h in (0.05, 1.0)}
    print(f"Gaussian kernel, N = M = 2048: h = 0.05 takes {times[0.05] / times[1.0]:.2f} of the time of h = 1 (tails underflow)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all", choices=["all", "threads", "memory"])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.part == "threads":
        return threads()
    if arguments.part == "memory":
        return memory()
    os.sched_setaffinity(0, {0})  # one core for everyone
    race(arguments.rounds)
    denormals()
    os.sched_setaffinity(0, set(range(os.cpu_count())))
    print(child("memory"))
    pairs = [(float(child("threads", "0")), float(child("threads", "0,1"))) for _ in range(3)]
    print(f"a second thread: {statistics.median(one / two for one, two in pairs):.2f} x (N = M = 8192, d = 2)")
    return None


if __name__ == "__main__":
    main()
