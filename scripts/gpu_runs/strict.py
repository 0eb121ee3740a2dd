"""Equal bits: of two runs, and of runs that are stopped and gone on with."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import BACKEND, ENVIRONMENT, LOGS, PACK, SCRATCH, TREE, metrics, quickstart_folder, run, say, settings, sha


def strict_pipeline(folder, **train):
    """A training whose runs have two buckets, micro-batches and averages."""
    folder.mkdir(exist_ok=True)
    quick = TREE / "configs/quickstart"
    wide = folder / "wide"
    if not wide.exists():
        from PIL import Image
        wide.mkdir()
        for number, file in enumerate(sorted((quick / "others").glob("*.png"))):
            Image.open(file).convert("RGB").crop((0, 0, 128, 96)).save(wide / f"{number}.png")
            shutil.copy(file.with_suffix(".txt"), wide / f"{number}.txt")
    pipeline = {
        "flame": 1, "seed": 3, "backend": {"use": BACKEND, "precision": "f32", "determinism": "strict"},
        "model": {"use": "sdxl", "weights": [str(quick / "tiny-sdxl.safetensors")], "config": str(quick / "tiny-sdxl.json")},
        "data": {"use": "image-folder", "path": str(quick / "pictures"), "folders": [str(wide)], "resolution": 128,
                 "bucket_step": 32, "min_bucket": 64, "flip": True, "cache": str(SCRATCH / "features")},
        "adapter": {"use": "lora", "rank": 8, "layers": "all"},
        "train": {"steps": 200, "batch": 2, "accumulate": 3, "ema": 0.99, "checkpoint_every": 1000, "keep": 2,
                  "optimizer": {"use": "adamw", "lr": 0.001}, **train}}
    (folder / "pipeline.yaml").write_text(json.dumps(pipeline))  # JSON is YAML
    return folder


def state_of(folder, name):
    place = folder / "runs" / name / "checkpoints"
    return place / (place / "latest").read_text().strip() / "state.safetensors"


def stopped(folder, name, stops, seed):
    """A run that is stopped so many times and gone on with. Returns where it was stopped."""
    chance, places = random.Random(seed), []
    file = folder / "runs" / name / "metrics.jsonl"
    command = [PACK / "bin/flamehost", "run", "pipeline.yaml", "--set", f"run={name}"]
    with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
        while True:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=ENVIRONMENT)
            done = len(file.read_text().splitlines()) if file.exists() else 0
            # So many more steps, and a part of one, or to the end.
            wanted = done + chance.randrange(1, 18) if len(places) < stops else 10**9
            while process.poll() is None:
                if file.exists() and len(file.read_text().splitlines()) >= wanted:
                    time.sleep(chance.random() * 0.02)
                    process.send_signal(signal.SIGINT)
                    break
                time.sleep(0.0005)
            code = process.wait()
            if code != 130:
                return code, places
            places.append(state_of(folder, name).parent.name)


def strict():
    for precision in ("f32", "bf16"):
        folder = strict_pipeline(SCRATCH / f"strict-{precision}")
        words = settings(backend__precision=precision)
        results = []
        for name in ("one", "two"):
            text, seconds, _ = run(f"strict-{precision}-{name}", "run", "pipeline.yaml", *words, "--set", f"run={name}", folder=folder)
            steps = [(line["loss"], line["gradient_norm"]) for line in metrics(folder / "runs" / name)]
            results.append((steps, sha(state_of(folder, name))))
        equal = sum(a == b for a, b in zip(results[0][0], results[1][0]))
        say(f"strict {precision}: {equal} of {len(results[0][0])} steps equal; state {results[0][1]} and {results[1][1]}: "
            f"{'EQUAL' if results[0] == results[1] else 'DIFFERENT'} ({seconds:.1f} s a run)")
        if precision != "f32":
            continue
        whole, names = results[0][1], [f"parts-{i}" for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(lambda i: stopped(folder, names[i], 5, i), range(4)))
        for name, (code, places) in zip(names, ended):
            end = sha(state_of(folder, name)) if code == 0 else "none"
            say(f"strict: stopped at {', '.join(places)}; code {code}, state {end}: {'EQUAL' if end == whole else 'DIFFERENT'}")
    folder = quickstart_folder("strict-quickstart")
    hashes = []
    for _ in range(2):
        run("strict-quickstart", "run", "configs/quickstart.yaml", "--resume", "never",
            *settings(backend__use=BACKEND, backend__determinism="strict", train__steps=100), folder=folder)
        made = folder / "runs/quickstart"
        pictures = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(made.glob("samples/*/0*.png")))).hexdigest()[:16]
        hashes.append((sha(made / "zorb.safetensors"), sha(state_of(folder, "quickstart")), pictures))
    say(f"strict quickstart, twice: adapter, state, pictures {hashes[0]} and {hashes[1]}: {'EQUAL' if hashes[0] == hashes[1] else 'DIFFERENT'}")
