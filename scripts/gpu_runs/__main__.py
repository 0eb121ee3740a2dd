#!/usr/bin/env python3
"""Whole runs of the program on a machine with a GPU; packed by `scripts/gpu_suite --runs`.

usage: build/gpu-run/run FOLDER-FOR-LOGS [PART…], from the root of the checkout
  quickstart  configs/quickstart.yaml on the GPU, first start and second: time, table of what was proven, report
  strict      determinism: strict: two runs are equal at every step; runs that are stopped and gone on with end in the same bits
  weights     training of the weights themselves, on the processor and on the GPU, f32: losses, checkpoint; rank dropout
  pictures    the same pictures on the processor and on the GPU, f32, four steps
  memory      what `plan` says beside what the device's memory shows, tiny models
  memory_full the same of SDXL as published
  recomputed  training at batch 1 within 5.8 GiB, in the bench; and the plain one
  full        SDXL as published with random weights: loading, 2,000 passes in 22 GiB, a picture
  bench       bench_sdxl: sampling and training, op by op
  batch_4     training at batch 4
  texts       training at batch 1 with both text encoders
  peer        PyTorch's figures: PEER names the script, CASES its cases
"""

import os
import shutil
import subprocess
import sys

from bench import batch_4, bench, peer, recomputed, texts
from full import full
from harness import DEVICE, LOGS, SCRATCH, pynvml, say
from memory import memory, memory_full
from pictures import pictures
from quickstart import quickstart
from strict import strict
from weights import weights

PARTS = {each.__name__: each for each in (quickstart, strict, weights, pictures, memory, memory_full, recomputed, full, bench, batch_4, texts, peer)}


def main():
    parts = sys.argv[3:] or [name for name in PARTS if name != "peer" or "PEER" in os.environ]
    if DEVICE:
        say(f"{pynvml.nvmlDeviceGetName(DEVICE)}, driver {pynvml.nvmlSystemGetDriverVersion()}")
    try:
        unknown = [part for part in parts if part not in PARTS]
        if unknown:
            sys.exit(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
        for part in parts:
            try:
                PARTS[part]()
            except Exception as error:  # one part's fault leaves the others
                say(f"{part}: FAILED: {error!r}")
    finally:
        shutil.rmtree(SCRATCH)
    subprocess.run(["tar", "-czf", LOGS / "logs.tar.gz", "-C", LOGS, *sorted(file.name for file in LOGS.glob("*.log"))], check=False)


if __name__ == "__main__":
    main()
