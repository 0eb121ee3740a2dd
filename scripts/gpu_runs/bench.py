"""bench_sdxl, and beside it PyTorch's figures."""

import os
import subprocess
import sys

from full import full_files
from harness import BACKEND, LOGS, MIB, PACK, run, say


def bench_of(part, name, *words):
    folder = full_files()
    text, seconds, watch = run(f"bench-{name}", PACK / "lib/flamehost/plugins", PACK / "sdxl.yaml", part,
                               f"model.weights=[{folder / 'sdxl.safetensors'}]", f"backend.use={BACKEND}", f"backend.cache={folder / 'kernels'}",
                               *words, program="bench_sdxl", watch=True)
    say(f"bench {name}: {seconds:.1f} s, device at most {watch.most(1) / MIB:.0f} MiB\n{text if '-ops' not in part else text[:6000]}")


def recomputed():
    bench_of("train", "train", "train.steps=20")
    bench_of("train", "train-5.8-GiB", "train.steps=20", "backend.memory=5.8GiB")
    bench_of("train", "train-8-GiB", "train.steps=20", "backend.memory=8GiB")


def bench():
    bench_of("train", "train", "train.steps=100")
    bench_of("train-ops", "train-ops", "train.steps=20")
    bench_of("sample-ops", "sample-ops")
    bench_of("models", "models")


def batch_4():
    bench_of("train", "train-batch-4", "train.batch=4", "train.steps=20")


def texts():
    bench_of("train", "train-texts", "train.steps=20",
             "adapter.parts=[{role: text_encoder, layers: [attention]}, {role: text_encoder_2, layers: [attention]}]")


def peer():
    cases = os.environ.get("CASES", "sdxl_e,sdxl_eg,sdxl_e4")
    with open(LOGS / "peer.log", "w", encoding="utf-8") as log:
        subprocess.run([sys.executable, os.environ["PEER"], LOGS / "peer.json", cases], stdout=log, stderr=subprocess.STDOUT, check=False)
    say("peer\n" + (LOGS / "peer.log").read_text()[-4000:])
