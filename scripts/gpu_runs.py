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
  peer        PyTorch's figures: PEER names the script, CASES its cases
"""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

try:
    import pynvml
except ImportError:  # on a machine without a GPU
    pynvml = None

PACK, LOGS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
TREE = pathlib.Path.cwd()
SCRATCH = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
BACKEND = os.environ.get("BACKEND", "cuda")
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": str(PACK / "lib/flamehost"), "XDG_CACHE_HOME": str(SCRATCH / "cache")}
MIB = 2**20
STARTED = time.time()


def say(text):
    print(f"[{time.time() - STARTED:5.1f}] {text}", flush=True)


def gpu_used():
    """Bytes taken of the device by everybody, by the driver's own count."""
    return pynvml.nvmlDeviceGetMemoryInfo(DEVICE).used if pynvml else 0


class Watch(threading.Thread):
    """The most that a process had of the device and of private memory, and what it had in the end."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.before = process, gpu_used()
        self.samples = []  # time, device, private memory
        self.start()

    def run(self):
        while self.process.poll() is None:
            try:
                text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            except OSError:
                break
            private = re.search(r"RssAnon:\s+(\d+)", text)
            self.samples.append((time.time(), gpu_used() - self.before, int(private[1]) * 1024 if private else 0))
            time.sleep(0.02)

    def log(self, file):
        """Each change of the device's memory, with the time and the private memory then."""
        lines, last = [], None
        for when, device, private in self.samples:
            if device != last:
                lines.append(f"{when - self.samples[0][0]:8.2f} s  {device / MIB:10.1f} MiB of the device  {private / MIB:9.1f} MiB private\n")
            last = device
        file.write_text("".join(lines))

    def most(self, which):
        return max((sample[which] for sample in self.samples), default=0)

    def at(self, when, which):
        return next((sample[which] for sample in self.samples if sample[0] >= when), 0)


def run(name, *words, folder=None, program="flamehost", watch=False, check=True):
    """Returns the output, the seconds and the watch."""
    begun = time.time()
    with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([PACK / "bin" / program, *map(str, words)], stdout=log, stderr=subprocess.STDOUT,
                                   cwd=folder or SCRATCH, env=ENVIRONMENT)
        watcher = Watch(process) if watch else None
        code = process.wait()
    seconds = time.time() - begun
    if watcher:
        watcher.join()
        watcher.log(LOGS / f"{name}.memory.log")
    text = (LOGS / f"{name}.log").read_text(encoding="utf-8")
    if code and check:
        say(f"{name}: FAILED with code {code}\n{text[-2500:]}")
    return text, seconds, watcher


def settings(**values):
    return [word for key, value in values.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def quickstart_folder(name):
    folder = SCRATCH / name
    shutil.copytree(TREE / "configs", folder / "configs")
    return folder


# --- quickstart

def judged(folder, first, last):
    prompts = re.findall(r"^    - (.*)$", (TREE / "configs/quickstart.yaml").read_text(), re.M)
    lines = "".join(f"{folder}/{i + 1:03}.png\t{prompts[i]}\n" for i in range(first - 1, last))
    result = subprocess.run([PACK / "bin/quickstart_judge"], input=lines, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return (result.stdout.strip().splitlines() or [result.stderr])[-1]


def quickstart():
    folder = quickstart_folder("quickstart")
    for start in ("first", "second"):
        text, seconds, watch = run(f"quickstart-{start}", "run", "configs/quickstart.yaml", "--resume", "never",
                                   *settings(backend__use=BACKEND), folder=folder, watch=True)
        made = folder / "runs/quickstart"
        steps = sorted((made / "samples").glob("step-*"))
        values = metrics(made)
        loss = [sum(line["loss"] for line in part) / len(part) for part in (values[:25], values[-25:])]
        say(f"quickstart, {start} start: {seconds:.1f} s; zorbs {judged(steps[0], 1, 16)} → {judged(steps[-1], 1, 16)}, "
            f"others {judged(steps[0], 17, 24)} → {judged(steps[-1], 17, 24)}; loss {loss[0]:.4f} → {loss[1]:.4f}; "
            f"{1e3 * values[-1]['seconds']:.2f} ms the last step; {len(values)} steps in {values[-1]['time'] - values[0]['time']:.1f} s; "
            f"device memory at most {watch.most(1) / MIB:.0f} MiB, context included")
        print("\n".join(line for line in text.splitlines() if "learn on" in line or "zorb.safetensors" in line or "report" in line))
        for file in ("report.html", "run.json"):
            shutil.copy(made / file, LOGS / f"quickstart-{start}-{file}")


# --- strict

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


# --- weights

def change_of(file, base):
    """The tensors of a checkpoint that are others than in the base, less the base."""
    from safetensors.numpy import load_file
    old, new = load_file(base), load_file(file)
    return {name: new[name].astype("float64") - old[name].astype("float64") for name in old if (new[name] != old[name]).any()}


def weights():
    """The same training by both backends: what it is for rounding to be all that differs."""
    import numpy
    folder = quickstart_folder("weights")
    common = settings(train__steps=40, train__optimizer="{use: adamw, lr: 1e-4}", sample__prompts="[a large red zorb]")
    chosen = {"weights": settings(adapter="{use: full, layers: [all]}", export="[{use: merge, path: merged.safetensors, overwrite: true}]"),
              "dropout": settings(adapter="{use: lora, rank: 16, rank_dropout: 0.25, layers: [all]}")}
    for name, words in chosen.items():
        losses = []
        for backend in ("onednn", BACKEND):
            text, seconds, _ = run(f"{name}-{backend}", "run", "configs/quickstart.yaml", "--resume", "never", *common, *words,
                                   *settings(backend__use=backend, run=f"{name}-{backend}"), folder=folder)
            losses.append(numpy.array([line["loss"] for line in metrics(folder / "runs" / f"{name}-{backend}")]))
            made = folder / "configs/merged.safetensors"
            if made.exists():
                made.rename(folder / f"{name}-{backend}.safetensors")
        far = abs(losses[0] / losses[1] - 1)
        say(f"{name}: {len(far)} losses by onednn and {BACKEND}, {losses[0][0]:.5f} and {losses[1][0]:.5f} at first, {losses[0][-1]:.5f} and "
            f"{losses[1][-1]:.5f} at last; apart {far[0]:.1e} at first, {far.max():.1e} at most")
    one, other = (change_of(folder / f"weights-{backend}.safetensors", TREE / "configs/quickstart/tiny-sdxl.safetensors")
                  for backend in ("onednn", BACKEND))
    square = lambda tensors: sum(float((tensor**2).sum()) for tensor in tensors)
    apart = square(one[name] - other[name] for name in one) / square(one.values())
    say(f"weights: {len(one)} and {len(other)} tensors of the checkpoint changed; the changes are {apart**0.5:.1e} of their size apart")


# --- pictures

def pictures():
    import numpy
    from PIL import Image
    folder = quickstart_folder("pictures")
    for backend in ("onednn", BACKEND):
        _, seconds, _ = run(f"pictures-{backend}", "run", "configs/quickstart/draw.yaml",
                            *settings(backend__use=backend, run=backend, sample__steps=4), folder=folder)
        say(f"pictures by {backend}: {seconds:.1f} s")
    near = total = worst = 0
    for one in sorted((folder / "runs/onednn").rglob("0*.png")):
        other = folder / "runs" / BACKEND / one.relative_to(folder / "runs/onednn")
        a, b = (numpy.asarray(Image.open(file).convert("RGB")).astype(int) for file in (one, other))
        far = abs(a - b).max(axis=2)
        near, total, worst = near + int((far <= 1).sum()), total + far.size, max(worst, int(far.max()))
    say(f"pictures: {near} of {total} pixels within 1/255 ({100 * near / max(total, 1):.4f} %), worst {worst}/255")


# --- memory

def planned(name, folder, file, *words):
    text, _, _ = run(name, "plan", file, "--json", *words, folder=folder, check=False)
    begin = text.find("{")
    if begin < 0:
        return None
    return json.JSONDecoder().raw_decode(text[begin:])[0]


def compare_memory(name, folder, file, *words):
    plan = planned(f"memory-{name}-plan", folder, file, *words)
    trains = re.search(r'^train:|"train": ', (folder / file).read_text(), re.M)
    again = ["--resume", "never"] if trains else []
    text, _, watch = run(f"memory-{name}", "run", file, *again, *words, folder=folder, watch=True)
    if not plan:
        return say(f"memory, {name}: no plan")
    context = plan.get("context_bytes") or 0
    peak = plan["peak_bytes"] + context
    phases = "; ".join(f"{phase['name']} {phase['total_bytes'] / MIB:.1f}" for phase in plan["phases"])
    say(f"memory, {name}: planned {plan['peak_bytes'] / MIB:.1f} MiB ({phases}) and {context / MIB:.1f} of context = {peak / MIB:.1f}, "
        f"taken {watch.most(1) / MIB:.1f} MiB: {100 * peak / max(watch.most(1), 1):.2f} %")
    return None


def memory():
    folder = quickstart_folder("memory")
    compare_memory("quickstart", folder, "configs/quickstart.yaml", *settings(backend__use=BACKEND, train__steps=20))
    compare_memory("draw", folder, "configs/quickstart/draw.yaml", *settings(backend__use=BACKEND, backend__precision="bf16"))


def memory_full():
    full_files()
    compare_memory("full-train", SCRATCH / "full", "train.yaml", *settings(train__steps=6))
    compare_memory("full-draw", SCRATCH / "full", "draw.yaml")


# --- full

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


# --- bench

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


# --- peer

def peer():
    cases = os.environ.get("CASES", "sdxl_e,sdxl_eg,sdxl_e4")
    with open(LOGS / "peer.log", "w", encoding="utf-8") as log:
        subprocess.run([sys.executable, os.environ["PEER"], LOGS / "peer.json", cases], stdout=log, stderr=subprocess.STDOUT, check=False)
    say("peer\n" + (LOGS / "peer.log").read_text()[-4000:])


PARTS = {each.__name__: each for each in (quickstart, strict, weights, pictures, memory, memory_full, recomputed, full, bench, batch_4, peer)}


def main():
    global DEVICE
    LOGS.mkdir(parents=True, exist_ok=True)
    parts = sys.argv[3:] or [name for name in PARTS if name != "peer" or "PEER" in os.environ]
    if pynvml:
        pynvml.nvmlInit()
        DEVICE = pynvml.nvmlDeviceGetHandleByIndex(0)
        say(f"{pynvml.nvmlDeviceGetName(DEVICE)}, driver {pynvml.nvmlSystemGetDriverVersion()}")
    try:
        for part in parts:
            try:
                PARTS[part]()
            except Exception as error:  # one part's fault leaves the others
                say(f"{part}: FAILED: {error!r}")
    finally:
        shutil.rmtree(SCRATCH)
    subprocess.run(["tar", "-czf", LOGS / "logs.tar.gz", "-C", LOGS, *sorted(file.name for file in LOGS.glob("*.log"))], check=False)


DEVICE = None
if __name__ == "__main__":
    main()
