#!/usr/bin/env python3
"""Writes training.json: one micro-batch of training in PyTorch and diffusers, in f64, with every way to mix noise in and to weigh
errors: the losses, and the gradients of LoRA beside the attention of recordings/sdxl_unet_a. training_full.*.safetensors
are the gradients of every weight of that UNet and of recordings/clip_g_a, whose states it sees. For developers; no test needs it.

    python3 -m venv venv
    venv/bin/pip install torch==2.11.0 numpy==2.4.6 diffusers==0.42.0 transformers==5.23.0 safetensors==0.8.0
    venv/bin/python tests/golden/make_training.py
"""
import json
import math
import pathlib
import sys

import diffusers
import numpy
import safetensors.numpy
import torch
import transformers
from diffusers.models import embeddings
from diffusers.training_utils import compute_snr

import philox
from golden_file import VERSIONS, Draw, check_versions, numbers

DIFFUSERS, TRANSFORMERS = "0.42.0", "5.23.0"
FOLDER = pathlib.Path(__file__).parent
RANK, SCALE = 2, 0.5
SEED, COUNTER = 12345678901, 42
TIMES = [900, 37]
TOKENS = [[0, 5, 9, 2, 30], [0, 7, 7, 31, 2]]  # of the text encoder
NOISE, OFFSET, PYRAMID = 16, 17, 32  # streams, see core/train/random_streams.h


def exact_sinusoids(timesteps, embedding_dim, flip_sin_to_cos=False, downscale_freq_shift=1, scale=1, max_period=10000):
    half = embedding_dim // 2
    exponents = -math.log(max_period) * torch.arange(half, dtype=torch.float64) / (half - downscale_freq_shift)
    angles = scale * timesteps[:, None].double() * exponents.exp()[None, :]
    parts = (angles.cos(), angles.sin()) if flip_sin_to_cos else (angles.sin(), angles.cos())
    return torch.cat(parts, dim=-1)


embeddings.get_timestep_embedding = exact_sinusoids


def draw(seed, *shape):
    made = Draw(list(shape))
    made.seed = seed
    return made.tensor().float().double()


def read_model(name, make):
    """A recorded model in f64, frozen."""
    with safetensors.safe_open(FOLDER / f"recordings/{name}.safetensors", framework="numpy") as file:
        config = json.loads(file.metadata()["flame.config"])
    model = make(config).double().eval().requires_grad_(False)
    weights = safetensors.numpy.load_file(FOLDER / f"recordings/{name}.weights.safetensors")
    # Newer versions of transformers call the same parameters by shorter names.
    own = {key.replace("text_model.", "") for key in model.state_dict()}
    shorten = own == set(model.state_dict())
    model.load_state_dict({key.replace("text_model.", "") if shorten else key: torch.from_numpy(value).double()
                           for key, value in weights.items()})
    return model


def read_unet():
    return read_model("sdxl_unet_a", lambda config: diffusers.UNet2DConditionModel(**config))


def read_encoder():
    def make(config):
        made = transformers.CLIPTextConfig(**config, attn_implementation="sdpa")  # the other one rounds to f32
        return transformers.CLIPTextModelWithProjection(made)
    return read_model("clip_g_a", make)


def adapted_unet():
    """The UNet with down and up of LoRA at each projection of an attention."""
    unet = read_unet()
    trained = {}
    layers = {name: module for name, module in unet.named_modules() if name.endswith(("to_q", "to_k", "to_v", "to_out.0"))}
    for place, (name, module) in enumerate(sorted(layers.items())):
        seed = 1000 + 2 * place
        down = (draw(seed, RANK, module.in_features) * 0.5).requires_grad_(True)
        up = (draw(seed + 1, module.out_features, RANK) * 0.5).requires_grad_(True)
        trained[f"{name}.lora_down.weight"], trained[f"{name}.lora_up.weight"] = down, up
        module.register_forward_hook(lambda _, given, answer, down=down, up=up: answer + SCALE * (given[0] @ down.T) @ up.T)
    return unet, trained


def published_name(key):
    return key if key.startswith(("text_model.", "text_projection.")) else "text_model." + key


def all_weights(unet, encoder):
    trained = {("unet", key): value for key, value in unet.named_parameters()}
    trained |= {("text", key): value for key, value in encoder.named_parameters()}
    for value in trained.values():
        value.requires_grad_(True)
    return trained


def channels_first(array):
    return torch.from_numpy(numpy.ascontiguousarray(array)).double().permute(0, 3, 1, 2)


def drawn_noise(shape, offset, pyramid):
    """As core/train/objective.h says; `shape` is [n, h, w, c]."""
    noise = channels_first(philox.normal(SEED, COUNTER, NOISE, shape))
    batch, height, width, channels = shape
    if pyramid:
        level, part, small = 0, 1.0, [height, width]
        while max(small) > 1:
            small = [max(1, side // 2) for side in small]
            part *= pyramid
            coarse = channels_first(philox.normal(SEED, COUNTER, PYRAMID + level, (batch, *small, channels)))
            noise = noise + part * torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
            level += 1
        noise = noise / (noise - noise.mean((1, 2, 3), keepdim=True)).square().mean((1, 2, 3), keepdim=True).sqrt()
    if offset:
        noise = noise + offset * channels_first(philox.normal(SEED, COUNTER, OFFSET, (batch, 1, 1, channels)))
    return noise


def schedule(zero_terminal, prediction):
    made = diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=prediction)
    roots = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64)
    kept = torch.cumprod(1 - roots**2, dim=0)
    if zero_terminal:  # the formula of diffusers' rescale_zero_terminal_snr, in f64
        root = kept.sqrt()
        kept = ((root - root[-1]) * root[0] / (root[0] - root[-1]))**2
    made.alphas_cumprod = kept
    return made


def weights_of(case, scheduler, times):
    """kohya's formulas; diffusers has the same for min-SNR but for its + 1 in v."""
    if case.get("weighting", "even") == "even":
        return torch.ones(len(times), dtype=torch.float64)
    snr = compute_snr(scheduler, times).double()
    velocity = scheduler.config.prediction_type == "v_prediction"
    if case["weighting"] == "min_snr":
        least = torch.minimum(snr, torch.full_like(snr, case["gamma"]))
        return least / (snr + 1) if velocity else least / snr
    bounded = snr.clamp(max=1000)
    return 1 / (bounded + 1) if velocity else 1 / bounded.sqrt()


def states_of(encoder):
    """What the UNet sees: a part of the encoder's states, as wide as it takes them."""
    if encoder is None:
        return draw(2, 2, 5, 12), draw(3, 2, 8)
    said = encoder(torch.tensor(TOKENS), output_hidden_states=True)
    return said.hidden_states[-2][:, :, :12], said.text_embeds[:, :8]


def run(name, unet, trained, encoder=None, **case):
    times = torch.tensor(case.pop("times", TIMES))
    prediction = "v_prediction" if case.get("velocity") else "epsilon"
    scheduler = schedule(case.get("zero_terminal", False), prediction)
    batch, height, width = 2, 9, 13
    latent = draw(1, batch, height, width, 4).permute(0, 3, 1, 2)
    states, pooled = states_of(encoder)
    ids = torch.tensor([[1024, 768, 0, 64, 1024, 1024], [512, 640, 32, 0, 768, 512]], dtype=torch.float64)
    example = torch.tensor(case.get("example_weights", [1.0, 1.0]), dtype=torch.float64)
    noise = drawn_noise((batch, height, width, 4), case.get("offset", 0), case.get("pyramid", 0))
    seen = scheduler.add_noise(latent, noise, times)
    target = scheduler.get_velocity(latent, noise, times) if case.get("velocity") else noise
    answer = unet(seen, times.double(), states, added_cond_kwargs={"text_embeds": pooled, "time_ids": ids}).sample
    error = (answer - target).square()
    if "huber_delta" in case:
        delta = case["huber_delta"]
        error = 2 * delta * ((error + delta**2).sqrt() - delta)
    if case.get("masked"):
        error = error * ((draw(4, batch, height, width, 1) + 1) / 2).permute(0, 3, 1, 2)
    losses = error.mean((1, 2, 3))
    loss = (losses * weights_of(case, scheduler, times) * example).mean()
    if "prior_weight" in case:  # train_dreambooth of diffusers: instances, then as many pictures of the class
        (own, class_answer), (own_target, class_target) = answer.chunk(2), target.chunk(2)
        mse = torch.nn.functional.mse_loss
        theirs = mse(own, own_target) + case["prior_weight"] * mse(class_answer, class_target)
        loss = theirs / 2  # the mean over all examples, as kohya's scripts have it
    gradients = torch.autograd.grad(loss, list(trained.values()))
    print(f"{name}: loss {loss.item():.6f}")
    if encoder is not None:
        for model, module in (("unet", unet), ("text", encoder)):
            own = {key: gradient for (at, key), gradient in zip(trained, gradients) if at == model}
            assert set(own) == set(dict(module.named_parameters()))
            named = {key if model == "unet" else published_name(key): value for key, value in own.items()}
            safetensors.numpy.save_file({key: numpy.ascontiguousarray(value.float().numpy()) for key, value in named.items()},
                                        FOLDER / f"training_full.{model}.safetensors")
        return {"name": name, **case, "times": times.tolist(), "loss": loss.item(), "losses": losses.tolist(), "tokens": TOKENS}
    return {"name": name, **case, "times": times.tolist(), "loss": loss.item(), "losses": losses.tolist(),
            "gradients": {key: [float(f"{x:.10g}") for x in numbers(value)] for key, value in zip(trained, gradients)}}


def main():
    check_versions()
    for module, wanted in ((diffusers, DIFFUSERS), (transformers, TRANSFORMERS)):
        if module.__version__ != wanted:
            sys.exit(f"{module.__name__} is {module.__version__}, but this file is made with {wanted}")
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    unet, trained = adapted_unet()
    cases = [
        run("epsilon", unet, trained),
        run("velocity", unet, trained, velocity=True),
        run("min_snr", unet, trained, weighting="min_snr", gamma=5.0),
        run("min_snr_velocity", unet, trained, weighting="min_snr", gamma=5.0, velocity=True),
        run("debiased", unet, trained, weighting="debiased"),
        run("debiased_velocity", unet, trained, weighting="debiased", velocity=True, times=[3, 700]),
        run("noise_offset", unet, trained, offset=0.1),
        run("pyramid", unet, trained, pyramid=0.6, offset=0.05),
        run("zero_terminal", unet, trained, velocity=True, zero_terminal=True, times=[999, 500]),
        run("huber", unet, trained, huber_delta=0.1),
        run("masked", unet, trained, masked=True),
        run("example_weights", unet, trained, example_weights=[0.25, 2.0]),
        run("prior_preservation", unet, trained, prior_weight=0.6, example_weights=[1.0, 0.6]),
    ]
    whole, encoder = read_unet(), read_encoder()
    cases.append(run("full", whole, all_weights(whole, encoder), encoder))
    record = {"versions": VERSIONS | {"diffusers": DIFFUSERS, "transformers": TRANSFORMERS}, "seed": SEED, "counter": COUNTER,
              "rank": RANK, "scale": SCALE, "cases": cases}
    path = FOLDER / "training.json"
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
