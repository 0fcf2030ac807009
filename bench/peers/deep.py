"""A training step of a deep network of attention heads: PyTorch eager, JAX under jit with optax."""

import harness
from harness import Case, Rival
from program import Steps, in_steps

import numpy as np

TITLE = "Deep networks of attention heads"
LAYERS, HEADS, HEAD_WIDTH, WIDTH, TOKENS, SEQUENCES, STEPS = 256, 8, 4, 16, 16, 16, 5
ABOUT = (
    f"x ← x + mean of heads / L: {LAYERS} layers of {HEADS} heads of width {HEAD_WIDTH} on {SEQUENCES} sequences of {TOKENS} tokens of width "
    f"{WIDTH}; gradient and AdamW. The losses of the first {STEPS} steps are compared."
)


def start(dtype):
    """Weights q, k, v, o and the tokens with their targets."""
    rng = np.random.default_rng(1)
    shapes = [(LAYERS, HEADS, HEAD_WIDTH, WIDTH)] * 3 + [(LAYERS, HEADS, WIDTH, HEAD_WIDTH)]
    weights = [(0.3 * rng.standard_normal(shape)).astype(dtype) for shape in shapes]
    return weights, *(rng.standard_normal((SEQUENCES, TOKENS, WIDTH)).astype(dtype) for _ in range(2))


def ours(dtype):
    weights, x, y = start(dtype)
    packed = np.concatenate([w.reshape(LAYERS, HEADS, -1) for w in weights], axis=-1)  # of a head q, k, v, o
    kind = "float" if dtype is np.float32 else "double"
    return Steps("bench_deep", (packed, x, y), (kind, LAYERS, HEADS, HEAD_WIDTH, WIDTH, TOKENS, SEQUENCES), STEPS)


def in_torch(dtype):
    torch = harness.torch()
    arrays, x, y = start(dtype)
    weights = [torch.from_numpy(a).requires_grad_() for a in arrays]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.01)
    x, y = torch.from_numpy(x), torch.from_numpy(y)

    def loss_of(x):
        q, k, v, o = weights
        for layer in range(LAYERS):
            a = torch.einsum("hrd,bnd->bhnr", q[layer], x)
            b = torch.einsum("hrd,bnd->bhnr", k[layer], x)
            w = torch.softmax(a @ b.mT / HEAD_WIDTH**0.5, -1)
            heads = w @ torch.einsum("hrd,bnd->bhnr", v[layer], x)
            x = x + torch.einsum("hdr,bhnr->bnd", o[layer], heads) / (LAYERS * HEADS)
        return ((x - y) ** 2).sum() / (2 * TOKENS * SEQUENCES)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def in_jax(dtype):
    import jax
    import jax.numpy as jnp
    import optax

    arrays, x, y = start(dtype)

    def loss_of(weights):
        def advance(x, layer):
            q, k, v, o = layer
            a, b = jnp.einsum("hrd,bnd->bhnr", q, x), jnp.einsum("hrd,bnd->bhnr", k, x)
            w = jax.nn.softmax(a @ b.swapaxes(-1, -2) / HEAD_WIDTH**0.5, -1)
            heads = w @ jnp.einsum("hrd,bnd->bhnr", v, x)
            return x + jnp.einsum("hdr,bhnr->bnd", o, heads) / (LAYERS * HEADS), None

        end, _ = jax.lax.scan(advance, x, weights)
        return ((end - y) ** 2).sum() / (2 * TOKENS * SEQUENCES)

    optimizer = optax.adamw(1e-3, weight_decay=0.01)
    weights = tuple(jnp.asarray(a) for a in arrays)
    held = [weights, optimizer.init(weights)]

    @jax.jit
    def update(weights, state):
        loss, gradient = jax.value_and_grad(loss_of)(weights)
        changes, state = optimizer.update(gradient, state, weights)
        return optax.apply_updates(weights, changes), state, loss

    def step():
        held[0], held[1], loss = update(*held)
        return jax.block_until_ready(loss)

    return step


def cases():
    for dtype, precision, tolerance in ((np.float32, "single", 1e-4), (np.float64, "double", 1e-10)):
        rivals = [
            Rival("PyTorch", lambda d=dtype: in_steps(in_torch(d), STEPS)),
            Rival("JAX, jit", lambda d=dtype: in_steps(in_jax(d), STEPS)),
        ]
        yield Case("a step", precision, ours(dtype), rivals, tolerance, quick=dtype is np.float32)
