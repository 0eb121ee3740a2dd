#!/usr/bin/env python3
"""Makes recordings/*.safetensors: what diffusers and transformers say about small models, in f64. For developers; no test needs
PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy==2.4.6 diffusers==0.36.0 transformers==4.57.6
    venv/bin/python tests/golden/make_models.py

NAME.safetensors is a recording, NAME.weights.safetensors holds the weights as that library saves them; encoder and decoder of a VAE
share theirs. Weights and inputs are numbers that f32 holds exactly; answers and gradients are f64. A model "in f64" still
computes its sinusoids in f32 there, so that these are replaced by exact ones.
"""
import json
import math
import pathlib
import sys

import diffusers
import numpy
import torch
import transformers
from diffusers.models import embeddings

from golden_file import splitmix64

VERSIONS = {"torch": "2.11.0", "numpy": "2.4.6", "diffusers": "0.36.0", "transformers": "4.57.6"}
FOLDER = pathlib.Path(__file__).with_name("recordings")
LARGEST_GRADIENTS = 24  # weights whose gradients are kept


def check_versions():
    for name, wanted in VERSIONS.items():
        found = sys.modules[name].__version__.split("+")[0]
        if found != wanted:
            sys.exit(f"{name} is {found}, but golden files are made with {wanted}")


def exact_sinusoids(timesteps, embedding_dim, flip_sin_to_cos=False, downscale_freq_shift=1, scale=1, max_period=10000):
    half = embedding_dim // 2
    exponents = -math.log(max_period) * torch.arange(half, dtype=torch.float64) / (half - downscale_freq_shift)
    angles = scale * timesteps[:, None].double() * exponents.exp()[None, :]
    parts = (angles.cos(), angles.sin()) if flip_sin_to_cos else (angles.sin(), angles.cos())
    return torch.cat(parts, dim=-1)


embeddings.get_timestep_embedding = exact_sinusoids


class Numbers:
    """Draws that are the same everywhere: a hash of a seed and a place, between -1 and 1, in steps of 2^-11."""

    def __init__(self, seed):
        self.seed = seed << 8

    def __call__(self, shape, scale=1.0, offset=0.0):
        self.seed += 1
        count = int(numpy.prod(shape, dtype=numpy.int64))
        places = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(self.seed << 32)
        steps = (splitmix64(places) % numpy.uint64(4096)).astype(numpy.float64)
        values = offset + scale * (steps - 2048) / 2048
        return torch.from_numpy(values.astype(numpy.float32)).double().reshape(list(shape))


def fill(model, numbers):
    """Weights that keep the size of what passes through; norms near one; biases that are not zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.copy_(numbers(parameter.shape, 0.25, 1.0 if name.endswith("weight") else 0.0))
            elif "embedding" in name and "linear" not in name:
                parameter.copy_(numbers(parameter.shape, 0.5))
            else:
                fan_in = parameter[0].numel()
                parameter.copy_(numbers(parameter.shape, 2 ** round(math.log2(1.5 / math.sqrt(fan_in)))))


def save(path, tensors, metadata):
    """A safetensors file whose bytes are the same each time; that library's own writer shuffles the metadata."""
    kinds = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        content = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def choice_of(names):
    """Every kind of layer and both ends, but not every copy."""
    names = sorted(names)
    step = max(1, len(names) // LARGEST_GRADIENTS)
    return names[::step]


def record(name, kind, model, config, inputs, run, seed, weights_name=None, single_file=None):
    model = model.double().eval()
    numbers = Numbers(seed)
    fill(model, numbers)
    given = {key: value(numbers) for key, value in inputs.items()}
    for value in given.values():
        if value.is_floating_point():
            value.requires_grad_(True)
    outputs = run(model, given)
    cotangents = {key: numbers(value.shape) for key, value in outputs.items()}
    total = sum((outputs[key] * cotangents[key]).sum() for key in outputs)
    parameters = dict(model.named_parameters())
    wanted = {f"input/{key}": value for key, value in given.items() if value.requires_grad}
    reached = torch.autograd.grad(total, list(parameters.values()), allow_unused=True, retain_graph=True)
    chosen = choice_of(key for key, gradient in zip(parameters, reached) if gradient is not None)
    wanted |= {f"param/{key}": parameters[key] for key in chosen}
    gradients = torch.autograd.grad(total, list(wanted.values()))
    tensors = {f"input/{key}": value.detach() for key, value in given.items()}
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    tensors |= {f"output/{key}": value.detach() for key, value in outputs.items()}
    tensors |= {f"cotangent/{key}": value.float() for key, value in cotangents.items()}
    tensors |= {f"grad/{key}": value for key, value in zip(wanted, gradients)}
    metadata = {"flame.recording": "1", "flame.model": kind, "flame.config": json.dumps(config, sort_keys=True),
                "flame.source": " ".join(f"{key} {value}" for key, value in VERSIONS.items())}
    weights = {key: value.detach().float() for key, value in parameters.items()}
    files = [(name, tensors, metadata), (f"{weights_name or name}.weights", weights, {"format": "pt"})]
    if single_file:  # the answers alone, with weights as single-file checkpoints hold them
        forward = {key: value for key, value in tensors.items() if key.startswith(("input/", "output/"))}
        files += [(f"{name}_single", forward, metadata), (f"{name}_single.weights", single_file(model, weights), {})]
    for file, content, more in files:
        path = FOLDER / f"{file}.safetensors"
        save(path, content, more)
        print(f"{path.name}: {len(content)} tensors, {path.stat().st_size} bytes")


def rename(name, words):
    for old, new in words:
        name = name.replace(old, new)
    return name


RESNET = [("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("norm2", "out_layers.0"),
          ("conv2", "out_layers.3"), ("conv_shortcut", "skip_connection")]


def unet_as_ldm(unet, weights):
    """Walks the blocks in their order and counts them, as LDM's own UNet does when it is built."""
    places = {"time_embedding.linear_": "time_embed.", "add_embedding.linear_": "label_emb.0.", "conv_in.": "input_blocks.0.0.",
              "conv_norm_out.": "out.0.", "conv_out.": "out.2."}
    count = 1
    for i, block in enumerate(unet.down_blocks):
        for j in range(len(block.resnets)):
            places[f"down_blocks.{i}.resnets.{j}."] = f"input_blocks.{count}.0."
            places[f"down_blocks.{i}.attentions.{j}."] = f"input_blocks.{count}.1."
            count += 1
        if block.downsamplers:
            places[f"down_blocks.{i}.downsamplers.0.conv."] = f"input_blocks.{count}.0.op."
            count += 1
    for old, new in (("resnets.0", 0), ("attentions.0", 1), ("resnets.1", 2)):
        places[f"mid_block.{old}."] = f"middle_block.{new}."
    count = 0
    for i, block in enumerate(unet.up_blocks):
        for j in range(len(block.resnets)):
            places[f"up_blocks.{i}.resnets.{j}."] = f"output_blocks.{count}.0."
            places[f"up_blocks.{i}.attentions.{j}."] = f"output_blocks.{count}.1."
            count += 1
        if block.upsamplers:
            places[f"up_blocks.{i}.upsamplers.0.conv."] = f"output_blocks.{count - 1}.{1 + hasattr(block, 'attentions')}.conv."
    out = {}
    for name, value in weights.items():
        old, = [place for place in places if name.startswith(place)]
        rest = name[len(old):]
        if "embedding" in old:
            rest = rename(rest, [("1.", "0.")]) if rest[0] == "1" else rest
        if ".resnets." in old:
            rest = rename(rest, RESNET)
        out["model.diffusion_model." + places[old] + rest] = value
    return out


def vae_as_ldm(vae, weights):
    last = len(vae.decoder.up_blocks) - 1
    words = [("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"), ("mid_block.attentions.0", "mid.attn_1"),
             ("down_blocks", "down"), ("downsamplers.0", "downsample"), ("upsamplers.0", "upsample"), (".resnets.", ".block."),
             ("group_norm", "norm"), ("to_out.0", "proj_out"), ("to_", ""), ("conv_shortcut", "nin_shortcut"),
             ("conv_norm_out", "norm_out")]
    words += [(f"up_blocks.{i}.", f"up.{last - i}.") for i in range(last + 1)]
    return {"first_stage_model." + rename(name, words): value[:, :, None, None] if value.dim() == 2 else value
            for name, value in weights.items()}


def text_as_open_clip(encoder, weights):
    words = [("text_model.", ""), ("encoder.layers", "transformer.resblocks"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
             ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("self_attn", "attn"), ("embeddings.token", "token"),
             ("embeddings.position_embedding.weight", "positional_embedding"), ("final_layer_norm", "ln_final")]
    out = {"logit_scale": torch.zeros(())}
    for name, value in weights.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            value = torch.cat([weights[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")])
            name = name.replace("q_proj.", "in_proj_")
        if name == "text_projection.weight":
            name, value = "text_projection", value.T
        out["conditioner.embedders.1.model." + rename(name, words)] = value
    return out


def text_as_ldm(encoder, weights):
    out = {"conditioner.embedders.0.transformer." + name: value for name, value in weights.items()}
    count = encoder.config.max_position_embeddings
    out["conditioner.embedders.0.transformer.text_model.embeddings.position_ids"] = torch.arange(count)[None]
    return out


def published(config):
    """Of a configuration, what a config.json holds."""
    return {key: value for key, value in dict(config).items() if not key.startswith("_")}


def floats(*shape, scale=1.0):
    return lambda numbers: numbers(shape, scale)


def steps(*values):
    return lambda numbers: torch.tensor(values, dtype=torch.float64)


def record_unet(name, seed, batch, size, tokens, times, ids, single_file=None, **config):
    model = diffusers.UNet2DConditionModel(**config)
    config = published(model.config)
    text = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    inputs = {"sample": floats(batch, config["in_channels"], *size), "timestep": steps(*times),
              "encoder_hidden_states": floats(batch, tokens, config["cross_attention_dim"]),
              "text_embeds": floats(batch, text), "time_ids": steps(*ids)}

    def run(unet, given):
        added = {"text_embeds": given["text_embeds"], "time_ids": given["time_ids"]}
        answer = unet(given["sample"], given["timestep"], given["encoder_hidden_states"], added_cond_kwargs=added)
        return {"sample": answer.sample}

    record(name, "sdxl.unet", model, config, inputs, run, seed, single_file=single_file)


def record_unets():
    record_unet("sdxl_unet_a", 1, 2, (9, 13), 5, (981.0, 17.0), ([1024, 768, 0, 64, 1024, 1024], [512, 640, 32, 0, 768, 512]),
                in_channels=4, out_channels=4, block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), transformer_layers_per_block=(1, 1, 2),
                attention_head_dim=(1, 2, 4), cross_attention_dim=12, addition_embed_type="text_time", addition_time_embed_dim=4,
                projection_class_embeddings_input_dim=32, use_linear_projection=True)
    record_unet("sdxl_unet_b", 2, 1, (6, 5), 3, (500.5,), ([320, 256, 8, 16, 320, 256],),
                in_channels=3, out_channels=5, block_out_channels=(8, 8), layers_per_block=2, norm_num_groups=2, norm_eps=1e-4,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                transformer_layers_per_block=(2, 1), attention_head_dim=(2, 4), cross_attention_dim=10,
                addition_embed_type="text_time", addition_time_embed_dim=6, projection_class_embeddings_input_dim=40,
                use_linear_projection=False, flip_sin_to_cos=False, freq_shift=1, single_file=unet_as_ldm)


def record_vae(name, seed, batch, picture, latent, single_file=None, **config):
    for part in ("encoder", "decoder"):
        model = diffusers.AutoencoderKL(**config)
        whole = published(model.config)
        if part == "encoder":
            inputs = {"sample": floats(batch, whole["in_channels"], *picture)}

            def run(vae, given):
                hidden = vae.encoder(given["sample"])
                return {"moments": vae.quant_conv(hidden) if vae.quant_conv is not None else hidden}
        else:
            inputs = {"latent": floats(batch, whole["latent_channels"], *latent)}

            def run(vae, given):
                hidden = given["latent"]
                if vae.post_quant_conv is not None:
                    hidden = vae.post_quant_conv(hidden)
                return {"sample": vae.decoder(hidden)}
        record(f"{name}_{part}", f"sdxl.vae.{part}", model, whole, inputs, run, seed, name, single_file)


def record_vaes():
    record_vae("sdxl_vae_a", 3, 2, (18, 14), (3, 5), block_out_channels=(4, 8, 8), layers_per_block=1, norm_num_groups=2,
               down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4,
               single_file=vae_as_ldm)
    record_vae("sdxl_vae_b", 4, 1, (11, 8), (4, 3), block_out_channels=(8, 4), layers_per_block=2, norm_num_groups=2,
               down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=3,
               in_channels=2, out_channels=1, use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False)


def rows(*ids):
    return lambda numbers: torch.tensor(ids, dtype=torch.int64)


def record_text(name, seed, kind, projects, ids, **config):
    settings = transformers.CLIPTextConfig(**config)
    settings._attn_implementation = "sdpa"  # the plain one has its softmax in f32
    model = (transformers.CLIPTextModelWithProjection if projects else transformers.CLIPTextModel)(settings)
    keys = ("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads",
            "max_position_embeddings", "hidden_act", "layer_norm_eps", "bos_token_id", "eos_token_id", "pad_token_id")
    whole = {key: getattr(settings, key) for key in keys}

    def run(encoder, given):
        answer = encoder(given["input_ids"], output_hidden_states=True)
        outputs = {"last_hidden_state": answer.last_hidden_state, "penultimate": answer.hidden_states[-2]}
        if projects:
            return outputs | {"text_embeds": answer.text_embeds}
        return outputs | {"pooler_output": answer.pooler_output}

    single_file = {"clip_l_a": text_as_ldm, "clip_g_a": text_as_open_clip}.get(name)
    record(name, kind, model, whole, {"input_ids": rows(*ids)}, run, seed, single_file=single_file)


def record_texts():
    small = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
             "max_position_embeddings": 11}
    ids = ([38, 5, 7, 9, 39, 39, 39], [38, 1, 39, 4, 39, 0, 0])
    published_ids = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    record_text("clip_l_a", 5, "clip_l", False, ids, **small, hidden_act="quick_gelu", projection_dim=12, **published_ids)
    record_text("clip_l_b", 6, "clip_l", False, ([38, 3, 7, 37, 39, 7, 37],), **{**small, "num_hidden_layers": 1, "hidden_size": 8},
                hidden_act="gelu", projection_dim=8, layer_norm_eps=1e-4, bos_token_id=38, eos_token_id=37, pad_token_id=0)
    record_text("clip_g_a", 7, "clip_g", True, ids, **small, hidden_act="gelu", projection_dim=12, **published_ids)
    record_text("clip_g_b", 8, "clip_g", True, ([38, 2, 6, 37, 37, 0, 0, 0, 0, 0, 0], [38, 37, 1, 1, 1, 1, 1, 1, 1, 1, 39]), **small,
                hidden_act="quick_gelu", projection_dim=20, bos_token_id=38, eos_token_id=37, pad_token_id=0)


if __name__ == "__main__":
    check_versions()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # masks and constants too
    FOLDER.mkdir(exist_ok=True)
    record_unets()
    record_vaes()
    record_texts()
