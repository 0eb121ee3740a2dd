#!/usr/bin/env python3
"""Trains the tiny SDXL that ships as configs/quickstart: autoencoder, both text encoders and UNet, on generated pictures.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 diffusers==0.42.0 transformers==5.17.0 safetensors==0.8.0
    venv/bin/python scripts/tiny_sdxl/train.py --out OUT

About 7 minutes on one H200. OUT gets a folder for each model as diffusers writes it, in f16, facts.json with how it was
made, and samples.png; scripts/tiny_sdxl/pack turns them into one file. With a number of steps instead of a time, equal
machines and versions give models of equal quality, not of equal bits: the GPU's sums are not in a fixed order."""
import argparse
import copy
import json
import pathlib
import time

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

import models as tiny
import shapes
import versions

ROOT = pathlib.Path(__file__).resolve().parents[2]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--configs", type=pathlib.Path, default=ROOT / "plugins/models/configs")
    parser.add_argument("--merges", type=pathlib.Path, default=ROOT / "plugins/models/clip/vocabulary/merges.txt")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vae-seconds", type=float, default=80, help="the number of steps is measured from it")
    parser.add_argument("--unet-seconds", type=float, default=300)
    parser.add_argument("--vae-steps", type=int, help="instead of a time")
    parser.add_argument("--unet-steps", type=int)
    parser.add_argument("--vae-batch", type=int, default=128)
    parser.add_argument("--unet-batch", type=int, default=512)
    parser.add_argument("--vae-pool", type=int, default=1 << 16, help="pictures that the autoencoder learns from")
    parser.add_argument("--pool", type=int, default=1 << 18, help="pictures that the UNet learns from")
    return parser.parse_args()


class Steps:
    """Counts steps; where only a time is given, measures the first 20 after 10 to know how many fit into it. Learning rates
    follow it: up over 2 %, then down a cosine."""

    def __init__(self, name, seconds, count, device):
        self.name, self.seconds, self.count, self.device, self.done, self.start = name, seconds, count, device, 0, time.time()

    def __iter__(self):
        while self.count is None or self.done < self.count:
            if self.count is None and self.done in (10, 30):
                if self.device.type == "cuda":
                    torch.cuda.synchronize()
                if self.done == 10:
                    self.mark = time.time()
                else:
                    each = (time.time() - self.mark) / 20
                    self.count = 30 + max(1, int((self.seconds - (time.time() - self.start)) / each))
                    print(f"{self.name}: {each * 1e3:.1f} ms a step, {self.count} steps", flush=True)
            yield self.done
            self.done += 1
        print(f"{self.name}: {self.done} steps in {time.time() - self.start:.0f} s", flush=True)

    def rate(self, highest):
        if self.count is None:
            return highest * (self.done + 1) / 40
        warm = max(1, min(40, self.count // 10))
        if self.done < warm:
            return highest * (self.done + 1) / warm
        return highest * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * (self.done - warm) / max(1, self.count - warm))).item())


class Average:
    """The running mean of weights over about the last thousand steps, fewer at the start."""

    def __init__(self, modules, decay=0.999):
        self.live = [p for m in modules for p in m.parameters()]
        self.mean = [p.detach().clone() for p in self.live]
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.mean, self.live, 1 - decay)

    @torch.no_grad()
    def keep(self):
        for live, mean in zip(self.live, self.mean):
            live.copy_(mean)


def optimiser(modules, device):
    return torch.optim.AdamW([p for m in modules for p in m.parameters()], lr=1e-3, weight_decay=0.01, fused=device.type == "cuda")


def step(optimiser_, parameters, loss, rate):
    for group in optimiser_.param_groups:
        group["lr"] = rate
    optimiser_.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser_.step()


def half_precision(device):
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def make_pictures(count, device, generator):
    """Half are those that the UNet learns, half hold anything; as bytes."""
    pictures = []
    while len(pictures) * 512 < count:
        drawn = shapes.clutter(512, generator, device) if len(pictures) % 2 else shapes.batch(512, generator, device)[0]
        pictures.append(((drawn + 1) * 127.5).round().byte())
    return torch.cat(pictures)


def train_vae(vae, pool, arguments, device, generator):
    steps, average = Steps("vae", arguments.vae_seconds, arguments.vae_steps, device), Average([vae])
    optimiser_, parameters, losses = optimiser([vae], device), list(vae.parameters()), []
    for _ in steps:
        chosen = torch.randint(0, len(pool), (arguments.vae_batch,), generator=generator, device=device)
        pictures = pool[chosen].float() / 127.5 - 1
        with half_precision(device):
            posterior = vae.encode(pictures.to(memory_format=torch.channels_last)).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=generator, device=device)
            mean, logvar = posterior.mean.float(), posterior.logvar.float()
            drawn = vae.decode(mean + (0.5 * logvar).exp() * noise).sample.float()
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        loss = functional.l1_loss(drawn, pictures) + functional.mse_loss(drawn, pictures) + 1e-3 * kl
        step(optimiser_, parameters, loss, steps.rate(1e-3))
        average.update()
        losses.append(loss.detach())
        if steps.done % 200 == 0:
            print(f"vae {steps.done}: {torch.stack(losses[-50:]).mean().item():.5f}", flush=True)
    average.keep()
    return steps.done


@torch.no_grad()
def proven_vae(vae, device, generator):
    """How close the autoencoder comes to pictures of shapes, and the scale of its latents."""
    pictures = torch.cat([shapes.batch(64, generator, device)[0] for _ in range(4)])
    means = torch.cat([vae.encode(part).latent_dist.mean for part in pictures.split(64)])
    drawn = torch.cat([vae.decode(part).sample for part in means.split(64)])
    return -10 * torch.log10(functional.mse_loss(drawn, pictures) / 4).item(), 1 / means.std().item()


@torch.no_grad()
def make_pool(vae, scaling, words, arguments, device, generator):
    latents, rows = [], {name: [] for name in tiny.PADDING}
    for start in range(0, arguments.pool, 512):
        pictures, captions = shapes.batch(min(512, arguments.pool - start), generator, device)
        with half_precision(device):
            posterior = vae.encode(pictures.to(memory_format=torch.channels_last)).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator, device=device)
        latents.append((posterior.mean.float() + posterior.std.float() * noise) * scaling)
        for name, padding in tiny.PADDING.items():
            rows[name].append(words.rows(captions, padding).to(device))
    return torch.cat(latents), {name: torch.cat(parts) for name, parts in rows.items()}


def train_unet(models, pool, words, arguments, device, generator):
    learning = [models[name] for name in ("unet", "text_encoder", "text_encoder_2")]
    latents, rows = pool
    empty = {name: words.rows([""], padding).to(device) for name, padding in tiny.PADDING.items()}
    kept = tiny.alphas(device)
    steps, average = Steps("unet", arguments.unet_seconds, arguments.unet_steps, device), Average(learning)
    optimiser_, parameters, losses = optimiser(learning, device), [p for m in learning for p in m.parameters()], []
    count = arguments.unet_batch
    for _ in steps:
        chosen = torch.randint(0, len(latents), (count,), generator=generator, device=device)
        dropped = torch.rand(count, 1, generator=generator, device=device) < 0.1
        given = {name: torch.where(dropped, empty[name], rows[name][chosen]) for name in rows}
        clean = latents[chosen]
        noise = torch.randn(clean.shape, generator=generator, device=device)
        at = torch.randint(0, len(kept), (count,), generator=generator, device=device)
        level = kept[at][:, None, None, None]
        noisy = (level.sqrt() * clean + (1 - level).sqrt() * noise).to(memory_format=torch.channels_last)
        with half_precision(device):
            states, pooled = tiny.encode(models, given)
            predicted = tiny.predict(models, noisy, at, states, pooled, shapes.SIZE)
        loss = functional.mse_loss(predicted.float(), noise)
        step(optimiser_, parameters, loss, steps.rate(1e-3))
        average.update()
        losses.append(loss.detach())
        if steps.done % 200 == 0:
            print(f"unet {steps.done}: {torch.stack(losses[-50:]).mean().item():.5f}", flush=True)
    average.keep()
    return steps.done, torch.stack(losses[-100:]).mean().item()


@torch.no_grad()
def sample(models, captions, scaling, words, device, seed, steps=20, guidance=4.0):
    """Pictures by DDIM as flamehost draws them, though of other noise."""
    generator = torch.Generator(device).manual_seed(seed)
    latent = torch.randn(len(captions), 4, shapes.SIZE // 8, shapes.SIZE // 8, generator=generator, device=device)
    texts = [""] * len(captions) + list(captions)
    rows = {name: words.rows(texts, padding).to(device) for name, padding in tiny.PADDING.items()}
    states, pooled = tiny.encode(models, rows)
    kept = tiny.alphas(device)
    times = [1 + i * (1000 // steps) for i in reversed(range(steps))]
    for at in times:
        time_ = torch.full((2 * len(captions),), at, device=device)
        without, with_ = tiny.predict(models, torch.cat([latent, latent]), time_, states, pooled, shapes.SIZE).chunk(2)
        noise = without + guidance * (with_ - without)
        now, after = kept[at], kept[max(at - 1000 // steps, 0)]
        clean = (latent - (1 - now).sqrt() * noise) / now.sqrt()
        latent = after.sqrt() * clean + (1 - after).sqrt() * noise
    return models["vae"].decode(latent / scaling).sample.clamp(-1, 1)


def save_grid(path, pictures, columns=8):
    from PIL import Image
    pixels = ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu()
    rows = [torch.cat(list(pixels[i:i + columns]), 1) for i in range(0, len(pixels), columns)]
    Image.fromarray(torch.cat(rows).numpy()).save(path)


def main():
    arguments = options()
    versions.check()
    device = torch.device(arguments.device)
    torch.manual_seed(arguments.seed)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    generator = torch.Generator(device).manual_seed(arguments.seed)
    start = time.time()
    words = tiny.Words(arguments.merges)
    configuration = tiny.configurations(arguments.configs)
    models = {name: model.to(device) for name, model in tiny.make(configuration).items()}
    for name in ("vae", "unet"):
        models[name].to(memory_format=torch.channels_last)
    pictures = make_pictures(arguments.vae_pool, device, generator)
    print(f"{len(pictures)} pictures after {time.time() - start:.0f} s", flush=True)
    vae_steps = train_vae(models["vae"].train(), pictures, arguments, device, generator)
    decibels, scaling = proven_vae(models["vae"].eval(), device, generator)
    print(f"vae: {decibels:.1f} dB, latents are scaled by {scaling:.4f}", flush=True)
    pool = make_pool(models["vae"], scaling, words, arguments, device, generator)
    print(f"{len(pool[0])} pictures after {time.time() - start:.0f} s", flush=True)
    unet_steps, loss = train_unet(models, pool, words, arguments, device, generator)
    configuration["vae"]["scaling_factor"] = round(scaling, 5)
    facts = {"made_by": "scripts/tiny_sdxl/train.py", "seed": arguments.seed, "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
             "versions": versions.VERSIONS, "vae": {"steps": vae_steps, "batch": arguments.vae_batch, "decibels": round(decibels, 2)},
             "unet_and_text_encoders": {"steps": unet_steps, "batch": arguments.unet_batch, "pictures": arguments.pool, "last_loss": round(loss, 5)},
             "data": "pictures of coloured shapes drawn by scripts/tiny_sdxl/shapes.py; nothing else", "seconds": round(time.time() - start)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        folder = arguments.out / name
        folder.mkdir(exist_ok=True)
        weights = {key: value.detach().half().contiguous().cpu() for key, value in model.state_dict().items() if "position_ids" not in key}
        save_file(weights, folder / ("diffusion_pytorch_model.safetensors" if name in ("unet", "vae") else "model.safetensors"))
        (folder / "config.json").write_text(json.dumps(configuration[name], indent=2, sort_keys=True) + "\n")
        model.half().float().eval()  # what the file holds
    (arguments.out / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    colours = list(shapes.COLOURS)
    captions = [shapes.phrase(("large", "small")[i % 2], colours[i % 10], shapes.SHAPES[i % 6]) + shapes.BACKGROUND for i in range(32)]
    captions += [f"{shapes.phrase('small', colours[i % 10], shapes.SHAPES[i % 6])} {shapes.PLACES[i % 2]} "
                 f"{shapes.phrase('large', colours[(i + 3) % 10], shapes.SHAPES[(i + 2) % 6])}{shapes.BACKGROUND}" for i in range(32)]
    save_grid(arguments.out / "samples.png", sample(models, captions, scaling, words, device, arguments.seed))
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
