"""The peer of tests/bench/blocks.cc: the same blocks in PyTorch, forward and backward.

    python tests/bench/blocks_torch.py [THREADS]       (PyTorch 2.11, CPU)
"""
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH, SIZE, CHANNELS, HEAD, TOKENS, CONTEXT, EMBEDDING = 4, 16, 256, 64, 77, 256, 1024


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, CHANNELS), nn.GroupNorm(32, CHANNELS)
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.time = nn.Linear(EMBEDDING, CHANNELS)

    def forward(self, x, embedding):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(embedding))[:, :, None, None]
        return x + self.conv2(F.silu(self.norm2(h)))


class Attention(nn.Module):
    def __init__(self, context):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(CHANNELS, CHANNELS), nn.Linear(context, CHANNELS), nn.Linear(context, CHANNELS)
        self.out = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x, context):
        def heads(t):
            return t.view(t.shape[0], t.shape[1], -1, HEAD).transpose(1, 2)

        y = F.scaled_dot_product_attention(heads(self.q(x)), heads(self.k(context)), heads(self.v(context)))
        return self.out(y.transpose(1, 2).reshape(x.shape))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(32, CHANNELS)
        self.proj_in, self.proj_out = nn.Linear(CHANNELS, CHANNELS), nn.Linear(CHANNELS, CHANNELS)
        self.norms = nn.ModuleList(nn.LayerNorm(CHANNELS) for _ in range(3))
        self.attn1, self.attn2 = Attention(CHANNELS), Attention(CONTEXT)
        self.ff_in, self.ff_out = nn.Linear(CHANNELS, 8 * CHANNELS), nn.Linear(4 * CHANNELS, CHANNELS)

    def forward(self, x, context):
        h = self.proj_in(self.norm(x).permute(0, 2, 3, 1).reshape(BATCH, SIZE * SIZE, CHANNELS))
        n = self.norms[0](h)
        h = h + self.attn1(n, n)
        h = h + self.attn2(self.norms[1](h), context)
        a, gate = self.ff_in(self.norms[2](h)).chunk(2, -1)
        h = h + self.ff_out(a * F.gelu(gate))
        return x + self.proj_out(h).reshape(BATCH, SIZE, SIZE, CHANNELS).permute(0, 3, 1, 2)


def measure(name, module, *inputs):
    module = module.to(memory_format=torch.channels_last)
    x = inputs[0].to(memory_format=torch.channels_last).requires_grad_()
    target = torch.randn_like(x)
    times, processor_times = [], []
    for i in range(60):
        start, processor = time.perf_counter(), time.process_time()
        module.zero_grad(set_to_none=True)
        x.grad = None
        F.mse_loss(module(x, *inputs[1:]), target).backward()
        if i >= 10:
            times.append(1e3 * (time.perf_counter() - start))
            processor_times.append(1e3 * (time.process_time() - processor))
    print(f"{name:20} torch {torch.__version__} {statistics.median(times):10.3f} ms "
          f"{statistics.median(processor_times):10.3f} ms of processors")


def main():
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    torch.manual_seed(1)
    x = torch.randn(BATCH, CHANNELS, SIZE, SIZE)
    measure("residual block", Residual(), x, torch.randn(BATCH, EMBEDDING))
    measure("transformer block", Transformer(), x, torch.randn(BATCH, TOKENS, CONTEXT))


if __name__ == "__main__":
    main()
