"""The same list as cuda_libraries.cc through PyTorch, to compare with in the same run.

    python3 tests/bench/cuda_libraries_torch.py tests/bench/cuda_libraries.txt

Each call is captured many times into one graph; a number is the median over replays, divided.
"""
import statistics
import sys
import time

import torch

REPEATS = 20
REPLAYS = 9
PAUSE = 0.1  # so that each op finds the GPU as cool as the others do


def random(*shape):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)


def measure(run):
    try:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                run()
        torch.cuda.synchronize()
        time.sleep(PAUSE)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(REPEATS):
                run()
        times = []
        for replay in range(REPLAYS + 2):
            start = time.perf_counter()
            graph.replay()
            torch.cuda.synchronize()
            if replay >= 2:
                times.append((time.perf_counter() - start) * 1e6 / REPEATS)
        return statistics.median(times)
    except RuntimeError as error:
        print(str(error).splitlines()[0][:200], file=sys.stderr)
        return float("nan")


def linear(rows, inputs, outputs):
    x, weight, dy = random(rows, inputs), random(outputs, inputs), random(rows, outputs)
    return lambda: torch.nn.functional.linear(x, weight), lambda: dy @ weight


def linear_sum(rows, inputs, outputs):
    x, weight, bias, addend = (random(*shape) for shape in ([rows, inputs], [outputs, inputs], [outputs], [rows, outputs]))
    return lambda: torch.nn.functional.linear(x, weight, bias) + addend, None


def linear_f8(rows, inputs, outputs):
    x, weight = (random(n, inputs).to(torch.float8_e4m3fn) for n in (rows, outputs))
    scale = torch.full((), 0.5, device="cuda")
    return lambda: torch._scaled_mm(x, weight.t(), scale_a=scale, scale_b=scale, out_dtype=torch.bfloat16), None


def conv(n, h, w, inputs, outputs, window):
    last = torch.channels_last
    x = random(n, inputs, h, w).to(memory_format=last)
    weight = random(outputs, inputs, window, window).to(memory_format=last)
    dy = random(n, outputs, h, w).to(memory_format=last)
    padding = [window // 2] * 2
    return (
        lambda: torch.nn.functional.conv2d(x, weight, padding=padding),
        lambda: torch.ops.aten.convolution_backward(
            dy, x, weight, None, [1, 1], padding, [1, 1], False, [0, 0], 1, [True, False, False]
        ),
    )


def attention(n, heads, queries, size, keys):
    q, dy = (random(n, queries, heads, size).transpose(1, 2) for _ in range(2))
    k, v = (random(n, keys, heads, size).transpose(1, 2) for _ in range(2))
    forward = lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)
    if size > 256:
        return forward, None
    flash = torch.ops.aten._scaled_dot_product_flash_attention
    y, lse, cq, ck, mq, mk, seed, offset, _ = flash(q, k, v)
    backward = torch.ops.aten._scaled_dot_product_flash_attention_backward
    return forward, lambda: backward(dy, q, k, v, y, lse, cq, ck, mq, mk, 0.0, False, seed, offset)


print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
torch.backends.cudnn.benchmark = True
print(f"{'bf16, us':36} {'forward':>12} {'gradient':>12}")
for line in open(sys.argv[1]):
    line = line.strip()
    if not line or line.startswith("#"):
        continue
    kind, *numbers = line.split()
    forward, gradient = globals()[kind](*map(int, numbers))
    times = [measure(run) if run else float("nan") for run in (forward, gradient)]
    print(f"{line:36} {times[0]:12.1f} {times[1]:12.1f}", flush=True)
