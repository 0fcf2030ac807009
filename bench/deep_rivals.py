"""Race of a training step of a deep network of attention heads, x <- x + mean of heads / L, against PyTorch eager and JAX under jit.

    taskset -c 0 python3 bench/deep_rivals.py [--binary build/release/bench/bench_deep] [--rounds 7]

256 layers of 8 heads of width 4 on 16 sequences of 16 tokens of width 16; gradient and AdamW. One core, processor time of whole
steps, medians of alternating rounds. The rivals' losses are first compared with each other.
"""

import argparse
import os
import statistics
import subprocess
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--binary", default="build/release/bench/bench_deep")
parser.add_argument("--rounds", type=int, default=7)
options = parser.parse_args()
torch.set_num_threads(1)
LAYERS, HEADS, HEAD_WIDTH, WIDTH, TOKENS, SEQUENCES = 256, 8, 4, 16, 16, 16

try:
    import jax
    import jax.numpy as jnp
    import optax

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None


def torch_loss(weights, x, y):
    q, k, v, o = weights
    for layer in range(LAYERS):
        a = torch.einsum("hrd,bnd->bhnr", q[layer], x)
        b = torch.einsum("hrd,bnd->bhnr", k[layer], x)
        w = torch.softmax(a @ b.mT / HEAD_WIDTH**0.5, -1)
        heads = w @ torch.einsum("hrd,bnd->bhnr", v[layer], x)
        x = x + torch.einsum("hdr,bhnr->bnd", o[layer], heads) / (LAYERS * HEADS)
    return ((x - y) ** 2).sum() / (2 * TOKENS * SEQUENCES)


def jax_loss(weights, x, y):
    def advance(x, layer):
        q, k, v, o = layer
        a, b = jnp.einsum("hrd,bnd->bhnr", q, x), jnp.einsum("hrd,bnd->bhnr", k, x)
        w = jax.nn.softmax(a @ b.swapaxes(-1, -2) / HEAD_WIDTH**0.5, -1)
        heads = w @ jnp.einsum("hrd,bnd->bhnr", v, x)
        return x + jnp.einsum("hdr,bhnr->bnd", o, heads) / (LAYERS * HEADS), None

    end, _ = jax.lax.scan(advance, x, weights)
    return ((end - y) ** 2).sum() / (2 * TOKENS * SEQUENCES)


def torch_step(arrays, x, y):
    weights = [torch.tensor(a, requires_grad=True) for a in arrays]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.01)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = torch_loss(weights, tx, ty)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def jax_step(arrays, x, y):
    optimizer = optax.adamw(1e-3, weight_decay=0.01)
    weights = tuple(jnp.asarray(a) for a in arrays)
    state = optimizer.init(weights)

    @jax.jit
    def update(weights, state):
        loss, gradient = jax.value_and_grad(jax_loss)(weights, x, y)
        changes, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, changes), state, loss

    held = [weights, state]

    def step():
        held[0], held[1], loss = update(*held)
        return float(loss)

    return step


def seconds(step, repeats):
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def race(kind):
    rng = np.random.default_rng(1)
    dtype = np.dtype("float32" if kind == "float" else "float64")
    shapes = [(LAYERS, HEADS, HEAD_WIDTH, WIDTH)] * 3 + [(LAYERS, HEADS, WIDTH, HEAD_WIDTH)]
    arrays = [(0.3 * rng.standard_normal(shape)).astype(dtype) for shape in shapes]
    x, y = (rng.standard_normal((SEQUENCES, TOKENS, WIDTH)).astype(dtype) for _ in range(2))
    rivals = {"torch": torch_step(arrays, x, y)}
    if jax:
        rivals["jax, jit"] = jax_step(arrays, x, y)
    first = [step() for step in rivals.values()]
    np.testing.assert_allclose(first, first[0], rtol=1e-4)
    words = [kind, *(str(n) for n in (LAYERS, HEADS, HEAD_WIDTH, WIDTH, TOKENS, SEQUENCES, 15))]
    times = {"starling": [], **{name: [] for name in rivals}}
    for _ in range(options.rounds):
        lines = subprocess.run([options.binary, *words], check=True, capture_output=True, text=True).stdout.split()
        times["starling"].append(statistics.median(float(line) for line in lines))
        for name, step in rivals.items():
            times[name].append(seconds(step, 5))
    found = {name: statistics.median(values) for name, values in times.items()}
    own = found.pop("starling")
    print(f"{kind:<8}{1e3 * own:9.2f} ms" + "".join(f"  {name} {taken / own:5.1f} x" for name, taken in found.items()), flush=True)


race("float")
race("double")
