"""How quick the host itself is: start, listing plugins, checking a pipeline of 500 lines.

    python3 tests/bench/host.py build/release/bin/flamehost

Prints the median and the best of 21 runs of each, in milliseconds.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 21


def pipeline_of(lines):
    """A pipeline with exporters up to that many lines."""
    text = "flame: 1\nrun: long\nexport:\n"
    return text + "  - {use: comfyui-lora, path: a.safetensors}\n" * (lines - text.count("\n"))


def measure(command):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), min(times)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "long.yaml"
        path.write_text(pipeline_of(500))
        commands = {
            "flamehost --version": [program, "--version"],
            "flamehost --help": [program, "--help"],
            "flamehost plugins list": [program, "plugins", "list"],
            "flamehost validate, 500 lines": [program, "validate", str(path)],
        }
        print(f"{'command':32} {'median ms':>10} {'best ms':>10}")
        for name, command in commands.items():
            median, best = measure(command)
            print(f"{name:32} {median:10.1f} {best:10.1f}")


if __name__ == "__main__":
    main()
