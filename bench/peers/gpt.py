"""A training step of a small GPT: PyTorch eager with its fused attention, nanoGPT's layers, AdamW plain and fused."""

import harness
from harness import Case, Rival
from program import Steps, in_steps

import numpy as np

TITLE = "A GPT's training step"
ABOUT = (
    "Forward, backward, clipping and AdamW of nanoGPT's layers. PyTorch runs them eagerly with its fused attention. The losses of the first steps "
    "are compared."
)
VOCABULARY = 76


def start(layers, width, context, batch):
    """Matrices by name in nanoGPT's order, and tokens with their targets."""
    rng = np.random.default_rng(1)
    shapes = {"wte": (VOCABULARY, width), "wpe": (context, width)}
    for layer in range(layers):
        parts = {"c_attn": (3 * width, width), "c_proj": (width, width), "up": (4 * width, width), "down": (width, 4 * width)}
        shapes |= {f"blocks.{layer}.{name}": shape for name, shape in parts.items()}
    matrices = {name: (0.02 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    return matrices, *(rng.integers(0, VOCABULARY, (batch, context)) for _ in range(2))


def ours(layers, width, heads, context, batch, steps):
    matrices, tokens, targets = start(layers, width, context, batch)
    gains = np.ones((2 * layers + 1) * width, np.float32)
    arrays = [*matrices.values(), gains, tokens.astype(np.int32), targets.astype(np.int32)]
    return Steps("bench_gpt", arrays, (layers, width, heads, context, batch, VOCABULARY), steps)


def network(torch, layers, width, heads, context):
    nn, functional = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
            self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
            self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

        def forward(self, x):
            batch, length, _ = x.shape
            parts = self.c_attn(self.ln_1(x)).split(width, dim=2)
            q, k, v = (z.view(batch, length, heads, width // heads).transpose(1, 2) for z in parts)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.c_proj(y.transpose(1, 2).contiguous().view(batch, length, width))
            return x + self.down(functional.gelu(self.up(self.ln_2(x))))

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(VOCABULARY, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.ln_f = nn.LayerNorm(width, bias=False)

        def forward(self, tokens, targets):
            x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)
            logits = functional.linear(self.ln_f(x), self.wte.weight)
            return functional.cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))

    return Gpt()


def in_torch(layers, width, heads, context, batch, fused):
    torch = harness.torch()
    matrices, tokens, targets = start(layers, width, context, batch)
    tokens, targets = torch.from_numpy(tokens), torch.from_numpy(targets)
    model = network(torch, layers, width, heads, context)
    for name, matrix in matrices.items():
        model.get_parameter(f"{name}.weight").data = torch.from_numpy(matrix)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=fused)

    def step():
        loss = model(tokens, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def case(layers, width, heads, context, batch, steps, **options):
    shape = (layers, width, heads, context, batch)
    rivals = [
        Rival(name, lambda fused=fused: in_steps(in_torch(*shape, fused), steps))
        for name, fused in (("PyTorch", False), ("PyTorch, fused AdamW", True))
    ]
    title = f"{layers} x {width}, context {context}, {batch} sequences"
    return Case(title, "single", ours(*shape, steps), rivals, tolerance=1e-4, **options)


def cases():
    yield case(4, 128, 4, 64, 12, 10, quick=True, seconds=8)
    yield case(6, 384, 6, 256, 8, 3)
