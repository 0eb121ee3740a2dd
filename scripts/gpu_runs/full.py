"""SDXL as published with random weights, by the program itself."""

import json
import time

from harness import BACKEND, MIB, SCRATCH, TREE, metrics, run, say, settings


def full_files():
    """SDXL as published with random weights, and pipelines for it. Made once."""
    folder = SCRATCH / "full"
    if folder.exists():
        return folder
    folder.mkdir()
    _, seconds, _ = run("weights", "weights", "make", "sdxl,sdxl-vae,clip-l,clip-g", folder / "sdxl.safetensors", "--layout", "ldm", "--dtype", "bf16")
    say(f"random weights of SDXL made in {seconds:.1f} s: {(folder / 'sdxl.safetensors').stat().st_size / 1e9:.2f} GB")
    common = {"flame": 1, "seed": 3, "backend": {"use": BACKEND, "precision": "bf16"},
              "model": {"use": "sdxl", "weights": [str(folder / "sdxl.safetensors")]}}
    train = {**common, "run": "train",
             "data": {"use": "image-folder", "path": str(TREE / "configs/quickstart/pictures"), "resolution": 1024, "upscale": True,
                      "flip": True, "cache": str(folder / "features")},
             "adapter": {"use": "lora", "rank": 16, "layers": "attention"},
             "train": {"steps": 20, "batch": 1, "optimizer": {"use": "adamw", "lr": 1e-4}, "checkpoint_every": 100000}}
    draw = {**common, "run": "draw", "sample": {"prompts": ["a lighthouse"], "steps": 20, "guidance": 5, "sampler": {"use": "ddim"}}}
    (folder / "train.yaml").write_text(json.dumps(train))
    (folder / "draw.yaml").write_text(json.dumps(draw))
    return folder


def told(text, *parts):
    return " | ".join(line.strip() for line in text.splitlines() if any(part in line for part in parts))


def full():
    folder = full_files()
    # Everything is compiled and every latent is made here.
    text, seconds, _ = run("full-first", "run", "train.yaml", *settings(run="first", train__steps=3), folder=folder)
    say(f"full, first start of all: {seconds:.1f} s; {told(text, 'learn on', 'ready after')}")
    begun = time.time()
    text, seconds, watch = run("full-second", "run", "train.yaml", *settings(run="second"), folder=folder, watch=True)
    steps = metrics(folder / "runs/second")
    # When the device had all that it would have, the weights began to come.
    before = next(sample[2] for sample in watch.samples if sample[1] > watch.most(1) - 8 * MIB)
    say(f"full, second start: first step {steps[0]['time'] - begun:.2f} s after the process's start; private memory at most "
        f"{watch.most(2) / MIB:.0f} MiB ({before / MIB:.0f} when the weights began to come); {told(text, 'learn on')}")
    text, seconds, watch = run("full-22-GiB", "run", "train.yaml", *settings(run="long", backend__memory="22GiB", train__accumulate=4, train__steps=500),
                               folder=folder, watch=True)
    steps = metrics(folder / "runs/long")
    early, late = steps[4]["time"], steps[-1]["time"]
    pace = sorted(step["seconds"] for step in steps[1:])[len(steps) // 2]
    mean = [sum(step["loss"] for step in part) / len(part) for part in (steps[:50], steps[-50:])]
    say(f"full, {4 * len(steps)} passes of batch 1 in {len(steps)} steps within 22 GiB: {seconds:.1f} s; device {watch.at(early, 1) / MIB:.1f} MiB after "
        f"5 steps, {watch.at(late - 0.5, 1) / MIB:.1f} at the end, at most {watch.most(1) / MIB:.1f}; private memory {watch.at(early, 2) / MIB:.1f} and "
        f"{watch.at(late - 0.5, 2) / MIB:.1f} MiB; loss of the first and last 50 steps {mean[0]:.4f} → {mean[1]:.4f}")
    say(f"full: a step of 4 passes {1e3 * pace:.2f} ms (median), {1e3 * (late - early) / (len(steps) - 5):.2f} ms from step to step on average; "
        f"{told(text, 'learn on', 'changed by')}")
    for start in ("first", "second"):
        text, seconds, watch = run(f"full-draw-{start}", "run", "draw.yaml", *settings(run=f"draw-{start}"), folder=folder, watch=True)
        say(f"full, a picture of 1024², {start}: {seconds:.2f} s for all of the process; device at most {watch.most(1) / MIB:.0f} MiB; "
            f"private memory at most {watch.most(2) / MIB:.0f} MiB; {text.strip().splitlines()[-1] if text.strip() else ''}")
