"""The products of cuda_blocks.cc in PyTorch: f32 without TF32 and bf16, a chain in one CUDA graph."""

import statistics
import time

import torch


def measure(dtype, size, count):
    x = (torch.rand(size, size, device="cuda") * 0.1 - 0.05).to(dtype)
    w = (torch.rand(size, size, device="cuda") * 0.1 - 0.05).to(dtype)

    def chain():
        y = x
        for _ in range(count):
            y = y @ w
        return y

    chain()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chain()
    times = []
    for _ in range(9):
        start = time.perf_counter()
        for _ in range(5):
            graph.replay()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / 5 / count)
    seconds = statistics.median(times)
    print(f"torch product {str(dtype)[6:]} {size}^3: {seconds * 1e6:9.1f} us, {2e-12 * size**3 / seconds:6.1f} TFLOP/s")


torch.backends.cuda.matmul.allow_tf32 = False
with torch.no_grad():
    measure(torch.float32, 1024, 20)
    measure(torch.bfloat16, 8192, 4)
