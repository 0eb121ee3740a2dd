#!/usr/bin/env python3
"""Makes pictures/*.png: what diffusers' whole StableDiffusionXLPipeline draws with the tiny SDXL in f32, of the noise that flamehost
draws for a seed. For developers; no test needs PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 diffusers==0.42.0 transformers==5.17.0 safetensors==0.8.0 pillow numpy
    venv/bin/python tests/golden/make_pictures.py

diffusers reads the one file by itself; the text encoders' tensors are renamed here, as it has no loader for them alone."""
import json
import pathlib
import sys
import tempfile

import diffusers
import numpy
import torch
from PIL import Image
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/tiny_sdxl"))
import models as tiny  # noqa: E402
import versions  # noqa: E402

FOLDER = pathlib.Path(__file__).with_name("pictures")
FILE = ROOT / "configs/quickstart/tiny-sdxl.safetensors"
SAME = {"steps_offset": 1, "timestep_spacing": "leading", **tiny.SCHEDULE}
# What tests/quickstart/quickstart_test.py draws too; it reads pictures/cases.json.
CASES = [
    {"name": "epsilon", "prompt": "a small red circle above a large blue square on a white background", "negative": "", "seed": 11,
     "steps": 20, "guidance": 4, "rescale": 0, "sampler": "ddim", "prediction": "epsilon"},
    {"name": "velocity", "prompt": "a large orange star", "negative": "a small green ring", "seed": 12, "steps": 8, "guidance": 6,
     "rescale": 0.7, "sampler": "euler", "prediction": "v_prediction"},
]


def philox(counter, key):
    """Philox 4x32-10 over arrays of counters [blocks, 4]."""
    words, (k0, k1) = [column.astype(numpy.uint64) for column in counter.T], key
    low = numpy.uint64(0xFFFFFFFF)
    for _ in range(10):
        left, right = numpy.uint64(0xD2511F53) * words[0], numpy.uint64(0xCD9E8D57) * words[2]
        words = [(right >> numpy.uint64(32)) ^ words[1] ^ numpy.uint64(k0), right & low,
                 (left >> numpy.uint64(32)) ^ words[3] ^ numpy.uint64(k1), left & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return words


def noise(seed, height, width):
    """The first latent of a seed: normal numbers by Box and Muller, laid out height, width, channel."""
    blocks = height * width
    counter = numpy.zeros((blocks, 4), numpy.uint64)
    counter[:, 0] = numpy.arange(blocks)
    words = [(word >> numpy.uint64(8)).astype(numpy.float64) for word in philox(counter, (seed, 0))]
    numbers = []
    for first, second in (words[:2], words[2:]):
        radius, turn = numpy.sqrt(-2 * numpy.log((first + 1) * 2.0**-24)), 2 * numpy.pi * second * 2.0**-24
        numbers += [radius * numpy.cos(turn), radius * numpy.sin(turn)]
    latent = numpy.stack(numbers, 1).astype(numpy.float32).reshape(1, height, width, 4)
    return torch.from_numpy(latent).permute(0, 3, 1, 2).contiguous()


def open_clip(tensors, name):
    """A text encoder's tensors in transformers' names, from those of OpenCLIP."""
    if name == "text_projection":
        return {"text_projection.weight": tensors[name].T}
    where = {"positional_embedding": "embeddings.position_embedding.weight", "token_embedding.weight": "embeddings.token_embedding.weight",
             "ln_final.weight": "final_layer_norm.weight", "ln_final.bias": "final_layer_norm.bias"}
    if name in where:
        return {f"text_model.{where[name]}": tensors[name]}
    _, _, layer, rest = name.split(".", 3)
    prefix = f"text_model.encoder.layers.{layer}."
    if rest.startswith("attn.in_proj"):
        kind = rest[len("attn.in_proj_"):]
        return {f"{prefix}self_attn.{part}_proj.{kind}": piece for part, piece in zip("qkv", tensors[name].chunk(3))}
    for ours, theirs in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                         ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
        rest = rest.replace(ours, theirs)
    return {prefix + rest: tensors[name]}


def load():
    by_component = json.loads((ROOT / "configs/quickstart/tiny-sdxl.json").read_text())
    configuration = {name: by_component[component] for name, component in tiny.COMPONENTS.items()}
    models = tiny.make(configuration)
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in (("unet", diffusers.UNet2DConditionModel), ("vae", diffusers.AutoencoderKL)):
            (pathlib.Path(folder) / name).mkdir()
            (pathlib.Path(folder) / name / "config.json").write_text(json.dumps(configuration[name]))
            models[name] = kind.from_single_file(str(FILE), config=folder, subfolder=name, torch_dtype=torch.float32)
    tensors = {name: tensor.float() for name, tensor in load_file(FILE).items()}
    parts = {}
    for name in ("text_encoder", "text_encoder_2"):
        prefix = {"text_encoder": "conditioner.embedders.0.transformer.", "text_encoder_2": "conditioner.embedders.1.model."}[name]
        parts = {key[len(prefix):]: tensor for key, tensor in tensors.items() if key.startswith(prefix)}
        if name == "text_encoder_2":
            parts = {key: tensor for old in parts for key, tensor in open_clip(parts, old).items()}
        wanted = models[name].state_dict()
        parts = {key if key in wanted else key.removeprefix("text_model."): tensor for key, tensor in parts.items()}
        models[name].load_state_dict(parts)
    return {name: model.float().eval() for name, model in models.items()}


@torch.no_grad()
def draw(models, words, case):
    rows = {name: words.rows([case["prompt"], case["negative"]], padding) for name, padding in tiny.PADDING.items()}
    states, pooled = tiny.encode(models, rows)
    kind = {"ddim": diffusers.DDIMScheduler, "euler": diffusers.EulerDiscreteScheduler}[case["sampler"]]
    more = {"set_alpha_to_one": False, "clip_sample": False} if case["sampler"] == "ddim" else {}
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=models["vae"], text_encoder=models["text_encoder"], text_encoder_2=models["text_encoder_2"], tokenizer=None, tokenizer_2=None,
        unet=models["unet"], scheduler=kind(prediction_type=case["prediction"], **SAME, **more), add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(prompt_embeds=states[:1], pooled_prompt_embeds=pooled[:1], negative_prompt_embeds=states[1:],
                    negative_pooled_prompt_embeds=pooled[1:], latents=noise(case["seed"], 16, 16), height=128, width=128,
                    num_inference_steps=case["steps"], guidance_scale=case["guidance"], guidance_rescale=case["rescale"],
                    output_type="np").images[0]


def main():
    versions.check()
    torch.use_deterministic_algorithms(True)
    models, words = load(), tiny.Words(ROOT / "plugins/models/clip/vocabulary/merges.txt")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "cases.json").write_text(json.dumps(CASES, indent=1) + "\n")
    for case in CASES:
        pixels = draw(models, words, case)
        print(case["name"], f"{pixels.min():.3f} to {pixels.max():.3f}, deviation {pixels.std():.3f}")
        Image.fromarray((pixels * 255).round().astype(numpy.uint8)).save(FOLDER / f"{case['name']}.png", optimize=True)


if __name__ == "__main__":
    main()
