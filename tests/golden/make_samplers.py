#!/usr/bin/env python3
"""Writes samplers.json: runs of diffusers' schedulers on predictions and noise that a hash makes.

Needs the versions below of torch and diffusers; nothing of flamehost's own tests does."""
import json
import pathlib
import sys

import diffusers
import numpy
import torch
from golden_file import VERSIONS, Draw, check_versions, numbers

DIFFUSERS = "0.42.0"
SHAPE = [1, 3, 4, 2]
# The noise schedule of Stable Diffusion.
TRAINED = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


class Tensors:
    """Draws with seeds of their own, so that the file names them by one number."""

    def __init__(self, first):
        self.seed = first

    def next(self):
        draw = Draw(SHAPE)
        draw.seed = self.seed
        self.seed += 1
        return draw.tensor().float()


def patch_noise(scheduler, tensors):
    """Gives the scheduler our noise; it asks by this function alone."""
    sys.modules[type(scheduler).__module__].randn_tensor = lambda *args, **named: tensors.next()


def sigma_of(scheduler, time):
    if time < 0:
        return 0.0
    kept = float(scheduler.alphas_cumprod[int(time)])
    return ((1 - kept) / kept) ** 0.5


def widen(scheduler):
    """The schedule in f64: that of f32 has lost four digits at the clean end."""
    roots = torch.linspace(TRAINED["beta_start"]**0.5, TRAINED["beta_end"]**0.5, TRAINED["num_train_timesteps"],
                           dtype=torch.float64)
    scheduler.alphas_cumprod = torch.cumprod(1 - roots**2, dim=0)
    if hasattr(scheduler, "final_alpha_cumprod") and not scheduler.config.set_alpha_to_one:
        scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]


def run(name, component, options, scheduler, steps, seed, ends_lowest=False, **step_options):
    """In `scaled` schedulers the sample has variance 1: those without sigmas, and the multistep ones."""
    widen(scheduler)
    scheduler.set_timesteps(steps)
    predictions, noises = Tensors(seed), Tensors(seed + 500)
    patch_noise(scheduler, noises)
    scaled = not hasattr(scheduler, "scale_model_input") or not hasattr(scheduler, "is_scale_input_called")
    times = [float(t) for t in scheduler.timesteps]
    if hasattr(scheduler, "sigmas"):
        sigmas = [float(s) for s in scheduler.sigmas]
    else:
        last = sigma_of(scheduler, 0) if ends_lowest else 0.0
        sigmas = [sigma_of(scheduler, t) for t in times] + [last]
    sample = Tensors(seed + 900).next()
    if not scaled:
        sample = sample * sigmas[0]
    samples = []
    for i, t in enumerate(scheduler.timesteps):
        if not scaled:
            scheduler.scale_model_input(sample, t)
        sample = scheduler.step(predictions.next(), t, sample, **step_options).prev_sample
        unit = (1 + sigmas[i + 1] ** 2) ** 0.5 if scaled else 1.0
        samples.append(numbers(sample.double() * unit))
    return {"name": name, "component": component, "options": options, "steps": steps, "scaled": scaled, "seed": seed,
            "sigmas": sigmas, "times": times, "samples": samples}


def cases():
    euler, ancestral = diffusers.EulerDiscreteScheduler, diffusers.EulerAncestralDiscreteScheduler
    multistep, ddim, lcm = diffusers.DPMSolverMultistepScheduler, diffusers.DDIMScheduler, diffusers.LCMScheduler
    seed = 0

    def case(component, kind, steps, options=None, step_options=None, **config):
        nonlocal seed
        seed += 1000
        name = f"{component}_{steps}" + "".join(f"_{value}" for value in (options or {}).values())
        offset = {} if kind is lcm else {"steps_offset": 1}
        return run(name.replace(".", ""), component, options or {}, kind(**{**TRAINED, **offset, **config}), steps, seed,
                   ends_lowest=kind is ddim, **(step_options or {}))

    for spacing in ("leading", "trailing", "linspace"):
        for steps in (1, 2, 7, 20):
            yield case("euler", euler, steps, {"spacing": spacing}, timestep_spacing=spacing)
        yield case("euler_ancestral", ancestral, 6, {"spacing": spacing}, timestep_spacing=spacing)
        for component, algorithm in (("dpmpp_2m", "dpmsolver++"), ("dpmpp_2m_sde", "sde-dpmsolver++")):
            for steps in (1, 5, 18):
                yield case(component, multistep, steps, {"spacing": spacing}, timestep_spacing=spacing,
                           algorithm_type=algorithm)
            for sigmas in ("karras", "exponential"):
                yield case(component, multistep, 9, {"spacing": spacing, "sigmas": sigmas}, timestep_spacing=spacing,
                           algorithm_type=algorithm, **{f"use_{sigmas}_sigmas": True})
    for sigmas in ("karras", "exponential"):
        yield case("euler", euler, 8, {"sigmas": sigmas}, timestep_spacing="leading", **{f"use_{sigmas}_sigmas": True})
    yield case("euler", euler, 5, {"final": "lowest"}, timestep_spacing="leading",
               final_sigmas_type="sigma_min")
    for spacing in ("leading", "trailing"):
        for eta in (0.0, 0.3, 1.0):
            # A divisor of 1000: the scheduler takes the level before to lie 1000 // steps below, wherever it is.
            yield case("ddim", ddim, 8, {"spacing": spacing, "eta": eta}, {"eta": eta}, timestep_spacing=spacing,
                       set_alpha_to_one=False, clip_sample=False)
    for steps in (1, 4, 7):
        yield case("lcm", lcm, steps)


def main():
    check_versions()
    if diffusers.__version__ != DIFFUSERS:
        sys.exit(f"diffusers is {diffusers.__version__}, but golden files are made with {DIFFUSERS}")
    made = list(cases())
    # What a scheduler computes in f32 has no more digits than this.
    rounded = json.loads(json.dumps(made), parse_float=lambda text: float(f"{float(text):.9g}"))
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in rounded)
    versions = {**VERSIONS, "diffusers": DIFFUSERS}
    text = f'{{"made_with":{json.dumps(versions)},"trained":{json.dumps(TRAINED)},"cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("samplers.json").write_text(text)
    print(f"samplers.json: {len(made)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
