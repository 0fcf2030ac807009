"""The authors' doubly normalised drifting field: PyTorch as their notebook writes it, JAX under jit, KeOps, SciPy's distances."""

import os
import statistics
import subprocess
import sys
import time

import harness
from harness import CannotRun, Case, Rival

import numpy as np

from starling import drift

TITLE = "The drifting field"
ABOUT = (
    "V of N points against M = N data points in d dimensions, normal clouds. PyTorch runs the function of the authors' notebook, JAX the same "
    "formula under jit, KeOps the same in four reductions without a matrix in memory, SciPy's cdist with numpy the same in double precision."
)
DENSE = 8e9  # bytes of one N x 2N matrix beyond which whoever stores several is not asked


def clouds(n, d, dtype):
    generator = np.random.default_rng(0)
    return [generator.normal(size=(n, d)).astype(dtype) for _ in range(2)]


def guard(x):
    size = 2 * len(x) ** 2 * x.itemsize
    if size > DENSE:
        raise CannotRun(f"stores N x 2N matrices, of {size / 1e9:.0f} GB each at N = {len(x)}")


def in_torch(x, y, temperature):
    guard(x)
    torch = harness.torch()
    a, b = torch.from_numpy(x), torch.from_numpy(y)

    def field():
        n = len(a)
        targets = torch.cat([a, b])
        distance = torch.cdist(a, targets)
        distance[torch.arange(n), torch.arange(n)] = 1e6
        kernel = (-distance / temperature).exp()
        normaliser = (kernel.sum(1, keepdim=True) * kernel.sum(0, keepdim=True)).clamp_min(1e-12).sqrt()
        affinity = kernel / normaliser
        negative, positive = affinity[:, :n], affinity[:, n:]
        return ((positive * negative.sum(1, keepdim=True)) @ b - (negative * positive.sum(1, keepdim=True)) @ a).numpy()

    return field


def in_jax(x, y, temperature):
    guard(x)
    import jax
    import jax.numpy as jnp

    @jax.jit
    def field(x, y):
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

    return lambda: np.asarray(field(x, y))


def in_scipy(x, y, temperature):
    guard(x)
    from scipy.spatial.distance import cdist

    def field():
        n = len(x)
        kernel = cdist(x, np.concatenate([x, y]))
        np.fill_diagonal(kernel, 1e6)
        kernel /= -temperature
        np.exp(kernel, out=kernel)
        kernel /= np.sqrt(np.maximum(kernel.sum(1, keepdims=True) * kernel.sum(0, keepdims=True), 1e-12))
        negative, positive = kernel[:, :n], kernel[:, n:]
        return positive @ y * negative.sum(1, keepdims=True) - negative @ x * positive.sum(1, keepdims=True)

    return field


def in_keops(x, y, temperature):
    from pykeops.numpy import LazyTensor

    n, d = x.shape
    targets = np.concatenate([x, y])
    number = np.arange(2 * n, dtype=x.dtype)[:, None]  # exact below 2^24
    ones = np.ones((n, 1), x.dtype)

    def field():
        def kernel(columns):
            """exp(-|x_i - t_j| / temperature) for a range of the targets, nothing of a point with itself."""
            xi, tj = LazyTensor(x[:, None, :]), LazyTensor(targets[None, columns, :])
            i, j = LazyTensor(number[:n, None, :]), LazyTensor(number[None, columns, :])
            return xi, (-((xi - tj) ** 2).sum(-1).sqrt() / temperature).exp() * ((i - j) ** 2 - 0.5).step()

        _, whole = kernel(slice(None))
        rows, columns = whole.sum(1), whole.sum(0)

        def weighted(part, values):
            """Sums over a half of the targets of the affinity times (1, values)."""
            _, k = kernel(part)
            normaliser = LazyTensor(rows[:, None, :]) * LazyTensor(columns[None, part, :])
            affinity = k * normaliser.clamp(1e-12, 1e30).rsqrt()
            sums = (affinity * LazyTensor(np.concatenate([ones, values], 1)[None])).sum(1)
            return sums[:, :1], sums[:, 1:]

        negative, pushed = weighted(slice(0, n), x)
        positive, pulled = weighted(slice(n, 2 * n), y)
        return negative * pulled - positive * pushed

    return field


MAKERS = {"PyTorch": in_torch, "JAX, jit": in_jax, "KeOps": in_keops, "SciPy": in_scipy}


def case(n, d, temperature, dtype, names, **options):
    x, y = clouds(n, d, dtype)
    rivals = [Rival(name, lambda make=MAKERS[name]: make(x, y, temperature)) for name in names]
    precision = "single" if dtype is np.float32 else "double"
    return Case(
        f"N = {n:,}, d = {d}", precision, lambda: drift.velocity(x, y, field="toy", scale=temperature), rivals,
        tolerance=1e-3 if dtype is np.float32 else 1e-9, **options,
    )


def cases():
    """At many dimensions KeOps is left out: it is made for few."""
    plain, dense = ["PyTorch", "JAX, jit", "KeOps"], ["PyTorch", "JAX, jit"]
    yield case(2048, 2, 0.05, np.float32, plain, quick=True)
    yield case(4096, 2, 0.05, np.float32, plain)
    yield case(10_000, 2, 0.05, np.float32, plain, rounds=2)
    yield case(2048, 64, 0.5, np.float32, dense)
    yield case(2048, 784, 2.0, np.float32, dense)
    yield case(2048, 2, 0.05, np.float64, ["PyTorch", "JAX, jit", "KeOps", "SciPy"], quick=True)


def wall(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_kib():
    """The largest resident size of this program so far; getrusage would count what the parent had."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def part(name):
    """What runs in a process of its own, on the cores that it is given: one printed line."""
    if name == "memory":
        x, y = clouds(100_000, 2, np.float32)
        before = peak_kib()
        spent = wall(lambda: drift.velocity(x, y, field="paper", scale=0.05), 1)
        print(f"{spent:.1f} s, {peak_kib() / 1024:.0f} MiB resident at most, {(peak_kib() - before) / 1024:.0f} of them the field's")
    else:
        x, y = clouds(8192, 2, np.float32)
        print(wall(lambda: drift.velocity(x, y, field="paper", scale=0.05), 5))


def alone(name, cores):
    command = ["taskset", "-c", ",".join(map(str, cores)), sys.executable, __file__, name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def facts():
    """What is no race: memory, a second thread, the price of denormals."""
    cores = sorted({0, (os.cpu_count() or 1) - 1})
    load = f"beside a load of {os.getloadavg()[0]:.0f}"  # of these times, which are the wall's
    yield f"N = M = 100,000 in the plane, {len(cores)} thread(s), {load}: {alone('memory', cores)}."
    if len(cores) > 1:
        gains = [float(alone("thread", cores[:1])) / float(alone("thread", cores)) for _ in range(3)]
        yield f"A second thread makes it {statistics.median(gains):.2f} times as fast (N = M = 8192, d = 2, {load})."
    x, y = clouds(2048, 2, np.float32)

    def seconds(h):
        begin = time.process_time()
        drift.velocity(x, y, "conservative", "gaussian", h)
        return time.process_time() - begin

    ratio = statistics.median(seconds(0.05) / seconds(1.0) for _ in range(15))
    yield f"A Gaussian kernel whose tails underflow (h = 0.05) takes {ratio:.2f} of the time of a wide one (h = 1)."


if __name__ == "__main__":
    part(sys.argv[1])
