#!/usr/bin/env python3
"""Eight pictures of 20 steps with guidance by the tiny SDXL on 2 threads: `flamehost run` beside diffusers, in turn.

    venv/bin/python tests/bench/pictures.py [--rounds 3]     (the venv of tests/golden/make_pictures.py)

flamehost's time is that of the whole process, start and files included; a process that draws one picture in one step tells how
much of it that is. diffusers' counts drawing alone, once with all pictures in one batch and once one by one; its models are
loaded and warm. On a machine with other work give both OMP_WAIT_POLICY=passive, and look at the processor's time: threads that
wait awake for one that does not run take most of it."""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/golden"), str(ROOT / "scripts/tiny_sdxl")]
COUNT, THREADS = 8, 2
os.environ["OMP_NUM_THREADS"] = str(THREADS)
import diffusers  # noqa: E402
import torch  # noqa: E402

import make_pictures  # noqa: E402
import models as tiny  # noqa: E402
import versions  # noqa: E402

PROMPTS = [f"a large {colour} star on a white background"
           for colour in ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown")]


def by_flamehost(program, folder, prompts=None, steps=20):
    settings = ["backend.use=onednn", f"backend.threads={THREADS}", f"sample.steps={steps}",
                "sample.prompts=" + json.dumps(prompts or PROMPTS)]
    words = [program, "run", ROOT / "configs/quickstart/draw.yaml", *(word for setting in settings for word in ("--set", setting))]
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([str(word) for word in words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used


class Peer:
    def __init__(self):
        torch.set_num_threads(THREADS)
        self.models, self.words = make_pictures.load(), tiny.Words(ROOT / "plugins/models/clip/vocabulary/merges.txt")
        scheduler = diffusers.DDIMScheduler(set_alpha_to_one=False, clip_sample=False, **make_pictures.SAME)
        self.pipeline = diffusers.StableDiffusionXLPipeline(
            tokenizer=None, tokenizer_2=None, scheduler=scheduler, add_watermarker=False, **self.models)
        self.pipeline.set_progress_bar_config(disable=True)

    @torch.no_grad()
    def draw(self, batch):
        start, used = time.perf_counter(), time.process_time()
        for at in range(0, COUNT, batch):
            prompts = PROMPTS[at:at + batch]
            rows = {name: self.words.rows([*prompts, *[""] * batch], padding) for name, padding in tiny.PADDING.items()}
            states, pooled = tiny.encode(self.models, rows)
            latents = torch.cat([make_pictures.noise(1 + at + i, 16, 16) for i in range(batch)])
            self.pipeline(prompt_embeds=states[:batch], pooled_prompt_embeds=pooled[:batch], negative_prompt_embeds=states[batch:],
                          negative_pooled_prompt_embeds=pooled[batch:], latents=latents, height=128, width=128, num_inference_steps=20,
                          guidance_scale=4)
        return time.perf_counter() - start, time.process_time() - used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flamehost", default=ROOT / "build/release/bin/flamehost")
    arguments = parser.parse_args()
    versions.check()
    peer = Peer()
    runs = {"diffusers, one by one": lambda: peer.draw(1), f"diffusers, batch {COUNT}": lambda: peer.draw(COUNT)}
    with tempfile.TemporaryDirectory() as folder:
        runs["flamehost, whole process"] = lambda: by_flamehost(arguments.flamehost, folder)
        runs["the same, one picture, one step"] = lambda: by_flamehost(arguments.flamehost, folder, PROMPTS[:1], 1)
        for run in runs.values():
            run()
        times = {name: [] for name in runs}
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                times[name].append(run())
    print(f"{COUNT} pictures of 128x128, 20 steps with guidance, {THREADS} threads, load of the machine {os.getloadavg()[0]:.1f}")
    for name, values in times.items():
        walls, used = zip(*values)
        print(f"  {name:31} {statistics.median(walls):6.2f} s of " + ", ".join(f"{wall:.2f}" for wall in walls) +
              f"; processor {statistics.median(used):6.2f} s of " + ", ".join(f"{one:.2f}" for one in used))


if __name__ == "__main__":
    main()
