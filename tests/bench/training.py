#!/usr/bin/env python3
"""A training step of the tiny SDXL on 2 threads: flamehost's trainer beside PyTorch with diffusers and peft, in turn.

    venv/bin/python tests/bench/training.py [--rounds 3] [--layers attention|all]     (the venv of tests/golden/make_training.py, with peft)

A step is four pictures of 128x128 with cached latents and text states: noise, UNet, loss, gradients of a LoRA of rank 16, clipping
and AdamW. Processor times are those of the whole process, less those of one that takes fewer steps. On a machine with
other work give both OMP_WAIT_POLICY=passive and look at the processor's time."""
import argparse
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH, SIDE, TOKENS, THREADS, RANK, FEW, MANY = 4, 16, 77, 2, 16, 5, 45
os.environ["OMP_NUM_THREADS"] = str(THREADS)
import torch  # noqa: E402
from diffusers import UNet2DConditionModel  # noqa: E402
from peft import LoraConfig  # noqa: E402

LAYERS = {"attention": ["to_q", "to_k", "to_v", "to_out.0"],
          "all": r".*(to_[qkv]|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|proj_out|conv\d?|conv_shortcut|conv_in|conv_out|time_emb_proj)"}


class Flamehost:
    def __init__(self, build, layers):
        self.words = [build / "tests/bench/bench_sdxl", build / "lib/flamehost/plugins", ROOT / "configs/quickstart.yaml", "train",
                      "backend.use=onednn", f"backend.threads={THREADS}", f"train.batch={BATCH}", f"adapter.rank={RANK}",
                      f"adapter.layers=[{layers}]"]

    def take(self, steps):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run([*map(str, self.words), f"train.steps={steps}"], check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        milliseconds = float(re.search(r"in the trainer ([\d.]+) ms", run.stdout).group(1))
        return milliseconds, after.ru_utime - used.ru_utime

    def step(self):
        _, few = self.take(FEW)
        wall, many = self.take(MANY)
        return wall, 1000 * (many - few) / (MANY - FEW)


class Peer:
    def __init__(self, layers):
        torch.set_num_threads(THREADS)
        torch.manual_seed(1)
        configuration = json.loads((ROOT / "configs/quickstart/tiny-sdxl.json").read_text())["sdxl"]
        self.unet = UNet2DConditionModel.from_config(configuration).requires_grad_(False)
        self.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LAYERS[layers]))
        self.learned = [each for each in self.unet.parameters() if each.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learned, lr=1e-4, foreach=True)
        cross, pooled = self.unet.config.cross_attention_dim, self.unet.config.projection_class_embeddings_input_dim
        self.latent, self.states = torch.randn(BATCH, 4, SIDE, SIDE), torch.randn(BATCH, TOKENS, cross)
        self.condition = {"text_embeds": torch.randn(BATCH, pooled - 6 * self.unet.config.addition_time_embed_dim),
                          "time_ids": torch.tensor([[128.0, 128, 0, 0, 128, 128]] * BATCH)}

    def step(self):
        times = torch.randint(0, 1000, (BATCH,))
        signal = torch.cos(times / 1000).view(-1, 1, 1, 1)
        noise = torch.randn_like(self.latent)
        noisy = signal * self.latent + (1 - signal * signal).sqrt() * noise
        made = self.unet(noisy, times, self.states, added_cond_kwargs=self.condition).sample
        torch.nn.functional.mse_loss(made, noise).backward()
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def steps(self):
        start, used = time.perf_counter(), time.process_time()
        for _ in range(MANY):
            self.step()
        return 1000 * (time.perf_counter() - start) / MANY, 1000 * (time.process_time() - used) / MANY


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", choices=LAYERS, default="attention")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments = parser.parse_args()
    ours, peer = Flamehost(arguments.build, arguments.layers), Peer(arguments.layers)
    adapted = sum(1 for name, _ in peer.unet.named_parameters() if name.endswith("lora_A.default.weight"))
    runs = {"flamehost": ours.step, "PyTorch, diffusers, peft": peer.steps}
    for _ in range(3):
        peer.step()
    times = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            times[name].append(run())
    print(f"a step of {BATCH} pictures, LoRA of rank {RANK} on {arguments.layers} ({adapted} layers at the peer), {THREADS} threads, "
          f"load of the machine {os.getloadavg()[0]:.1f}")
    for name, values in times.items():
        walls, used = zip(*values)
        print(f"  {name:26} {statistics.median(walls):7.1f} ms of " + ", ".join(f"{wall:.1f}" for wall in walls) +
              f"; processor {statistics.median(used):7.1f} ms of " + ", ".join(f"{one:.1f}" for one in used))


if __name__ == "__main__":
    main()
