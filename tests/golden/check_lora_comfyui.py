#!/usr/bin/env python3
"""Gives LoRA files to ComfyUI's own loader: every key must be one that it uses. For developers.

  FLAME_KEEP_FOLDER=FOLDER build/release/tests/adapter_export_tests --gtest_filter='AdapterFiles.*'
  flamehost weights make sdxl,sdxl-vae,clip-l,clip-g CHECKPOINT --layout ldm,ldm,ldm,open_clip --dtype f16
  check_lora_comfyui.py LOADER CHECKPOINT FOLDER/*/comfyui-lora.safetensors

LOADER is a checkout of stable-diffusion-webui-forge, which keeps ComfyUI's loader as files that stand alone, in
packages_3rdparty/comfyui_lora_collection. Names of the checkpoint are all that is read of it."""
import json
import re
import struct
import sys
import types

from safetensors.torch import load_file

# Of SDXL, as ComfyUI finds them in a checkpoint.
UNET = dict(num_res_blocks=[2, 2, 2], channel_mult=[1, 2, 4], transformer_depth=[0, 0, 2, 2, 10, 10], transformer_depth_middle=10,
            transformer_depth_output=[0, 0, 0, 2, 2, 2, 10, 10, 10])


def names_in(checkpoint):
    with open(checkpoint, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0])).keys()


def model(names, **more):
    return types.SimpleNamespace(state_dict=lambda: dict.fromkeys(names), **more)


def main():
    loader, checkpoint, *files = sys.argv[1:]
    sys.path.insert(0, loader)
    import packages_3rdparty.comfyui_lora_collection.lora as comfyui

    given = names_in(checkpoint)
    unet = [name.removeprefix("model.") for name in given if name.startswith("model.diffusion_model.")]
    texts = ["clip_l." + name.removeprefix("conditioner.embedders.0.") for name in given if name.startswith("conditioner.embedders.0.")]
    # ComfyUI turns open_clip's names into those of transformers when it reads a checkpoint.
    blocks = {found.group(1) for name in given if (found := re.search(r"embedders\.1\..*\.(?:resblocks|layers)\.(\d+)\.", name))}
    texts += [f"clip_g.transformer.text_model.encoder.layers.{i}.{part}.weight" for i in blocks for part in comfyui.LORA_CLIP_MAP]
    texts.append("clip_g.transformer.text_projection.weight")
    keys = {}
    comfyui.model_lora_keys_unet(model(unet, config=types.SimpleNamespace(huggingface_repo="sdxl"),
                                       diffusion_model=types.SimpleNamespace(config=UNET)), keys)
    comfyui.model_lora_keys_clip(model(texts), keys)
    left_over = 0
    for file in files:
        tensors = load_file(file)
        patches, rest = comfyui.load_lora(tensors, keys)
        left_over += len(rest)
        print(f"{file}: {len(tensors)} keys, {len(patches)} weights changed, {len(rest)} left over {sorted(rest)[:5]}")
    sys.exit(left_over > 0)


if __name__ == "__main__":
    main()
