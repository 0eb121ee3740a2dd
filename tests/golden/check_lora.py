#!/usr/bin/env python3
"""Gives LoRA files to diffusers: every key must find its module in the full-size SDXL. For developers.

  FLAME_KEEP_FOLDER=FOLDER build/release/tests/adapter_export_tests --gtest_filter='AdapterFiles.*'
  check_lora.py FOLDER/every; check_lora.py FOLDER/all    (each module of the models; those of the preset `all`)

Of diffusers 0.42.0 with peft 0.21.2 and transformers 5.23.0. No weight is needed: the models are made on the device
"meta", and what diffusers turns the files into is compared with the shapes of their modules and with each other.
"""
import pathlib
import re
import sys

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionXLLoraLoaderMixin
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

UNET = dict(
    sample_size=128, cross_attention_dim=2048, block_out_channels=(320, 640, 1280), attention_head_dim=(5, 10, 20),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 2, 10),
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, projection_dim=768)
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
              projection_dim=1280, hidden_act="gelu")


def shapes_of(model, part):
    """Of each weight, under the part's name. Newer transformers leave "text_model." out of CLIP's names."""
    shapes = {}
    for name, parameter in model.named_parameters():
        if name.endswith(".weight"):
            name = name.removesuffix(".weight")
            if part != "unet" and not name.startswith(("text_model.", "text_projection")):
                name = "text_model." + name
            shapes[f"{part}.{name}"] = parameter.shape
    return shapes


def module_name(key):
    """diffusers gives the names of files of kohya as its first versions had them."""
    key = re.sub(r"\.processor\.to_out_lora\.", ".to_out.0.lora.", key)
    key = re.sub(r"\.processor\.(to_[qkv])_lora\.", r".\1.lora.", key)
    key = re.sub(r"\.self_attn\.to_out_lora\.", ".self_attn.out_proj.lora.", key)
    return re.sub(r"\.self_attn\.to_([qkv])_lora\.", r".self_attn.\1_proj.lora.", key)


def pairs_of(path, unet):
    """What diffusers makes of a file: each module's pair, with the scale in its second half."""
    state, alphas = StableDiffusionXLLoraLoaderMixin.lora_state_dict(str(path), unet_config=unet.config)[:2]
    pairs = {}
    for key, tensor in state.items():
        found = re.fullmatch(r"(.*)\.lora(?:_linear_layer)?[._](A|B|down|up)\.weight", module_name(key))
        if not found:
            sys.exit(f"{path}: diffusers leaves the key '{key}' over")
        module, half = found.groups()
        pairs.setdefault(module, {})["down" if half in ("A", "down") else "up"] = tensor
    named_alphas = {re.sub(r"\.lora(_linear_layer)?\..*|\.alpha$", "", module_name(key)): value for key, value in (alphas or {}).items()}
    scaled = {}
    for module, pair in pairs.items():
        rank = pair["down"].shape[0]
        alpha = named_alphas.get(module, rank)
        scaled[module] = (pair["down"], pair["up"] * (float(alpha) / rank))
    return scaled


def shape_of(pair):
    down, up = pair
    return (up.shape[0], *down.shape[1:])


def main():
    folder = pathlib.Path(sys.argv[1])
    with torch.device("meta"):
        unet = UNet2DConditionModel(**UNET)
        encoders = (CLIPTextModel(CLIPTextConfig(**CLIP_L)), CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_G)))
    shapes = shapes_of(unet, "unet")
    for encoder, part in zip(encoders, ("text_encoder", "text_encoder_2")):
        shapes |= shapes_of(encoder, part)
    found = {}
    for name in ("comfyui-lora", "diffusers-lora"):
        found[name] = pairs_of(folder / f"{name}.safetensors", unet)
        wrong = [module for module, pair in found[name].items() if shapes.get(module) != shape_of(pair)]
        print(f"{name}: {len(found[name])} modules, {len(found[name]) - len(wrong)} of them find their weight")
        if wrong:
            sys.exit("\n".join(wrong[:20]))
    one, other = found.values()
    apart = max((a - b).abs().max().item() for module in one.keys() & other.keys()
                for a, b in zip(one[module], other[module]))
    print(f"{len(one.keys() & other.keys())} modules are in both; they differ by at most {apart:.1e}")
    if one.keys() != other.keys() or apart > 1e-6:
        sys.exit(f"not the same: {sorted(one.keys() ^ other.keys())[:20]}")


if __name__ == "__main__":
    main()
