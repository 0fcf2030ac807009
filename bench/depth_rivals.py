"""Race of a training step of a small GPT against PyTorch, eager, with its fused attention: nanoGPT's layers.

    taskset -c 0 python3 bench/depth_rivals.py [--binary build/release/bench/bench_gpt] [--rounds 7]

One core, processor time of whole steps (forward, backward, clipping, AdamW) in float32; the rounds alternate, and what is
printed is the median of the rounds' medians.
"""

import argparse
import os
import statistics
import subprocess
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--binary", default="build/release/bench/bench_gpt")
parser.add_argument("--rounds", type=int, default=7)
options = parser.parse_args()
torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.c_attn(self.ln_1(x)).split(width, dim=2)
        q, k, v = (z.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for z in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).contiguous().view(batch, length, width))
        return x + self.down(functional.gelu(self.up(self.ln_2(x))))


class Gpt(nn.Module):
    def __init__(self, layers, width, heads, context, vocabulary):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width, bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.ln_f(x), self.wte.weight)
        return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def torch_times(model, optimizer, tokens, targets, steps):
    times = []
    for _ in range(steps):
        begin = time.process_time()
        loss = model(tokens, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(time.process_time() - begin)
    return times


def race(layers, width, heads, context, batch, vocabulary, steps):
    torch.manual_seed(1)
    model = Gpt(layers, width, heads, context, vocabulary)
    contestants = {}
    for name, fused in (("torch", False), ("torch, fused AdamW", True)):
        contestants[name] = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=fused)
    tokens, targets = (torch.randint(0, vocabulary, (batch, context)) for _ in range(2))
    words = [str(n) for n in (layers, width, heads, context, batch, vocabulary, steps)]
    times = {"starling": [], **{name: [] for name in contestants}}
    for _ in range(options.rounds):
        lines = subprocess.run([options.binary, *words], check=True, capture_output=True, text=True).stdout.split()
        times["starling"].append(statistics.median(float(line) for line in lines))
        for name, optimizer in contestants.items():
            times[name].append(statistics.median(torch_times(model, optimizer, tokens, targets, steps)))
    found = {name: statistics.median(values) for name, values in times.items()}
    own = found.pop("starling")
    rivals = "".join(f"  {name} {taken / own:5.2f} x" for name, taken in found.items())
    title = f"{layers} x {width}, context {context}, batch {batch}"
    print(f"{title:<36}{1e3 * own:9.2f} ms {batch * context / own:9.0f} tokens/s{rivals}", flush=True)


race(4, 128, 4, 64, 12, 76, 25)
race(6, 384, 6, 256, 8, 76, 3)
