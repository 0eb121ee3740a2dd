"""What every part takes: where things are, and programs that run with a log, a clock and a watch over memory."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

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
LOGS.mkdir(parents=True, exist_ok=True)
DEVICE = None
if pynvml:
    pynvml.nvmlInit()
    DEVICE = pynvml.nvmlDeviceGetHandleByIndex(0)


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
