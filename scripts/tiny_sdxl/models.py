"""The four models of the tiny SDXL by their published configurations, and the token ids of captions."""
import json
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

TOKENS, BEGIN, END = 77, 49406, 49407
PADDING = {"text_encoder": END, "text_encoder_2": 0}
SCHEDULE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
COMPONENTS = {"unet": "sdxl", "vae": "sdxl-vae", "text_encoder": "clip-l", "text_encoder_2": "clip-g"}


def configurations(folder):
    return {name: json.loads((pathlib.Path(folder) / f"{component}.tiny.json").read_text()) for name, component in COMPONENTS.items()}


def make(configuration):
    text = {name: CLIPTextConfig(**configuration[name], attn_implementation="sdpa") for name in ("text_encoder", "text_encoder_2")}
    return {"unet": UNet2DConditionModel.from_config(configuration["unet"]), "vae": AutoencoderKL.from_config(configuration["vae"]),
            "text_encoder": CLIPTextModel(text["text_encoder"]),
            "text_encoder_2": CLIPTextModelWithProjection(text["text_encoder_2"])}


class Words:
    """Token ids of lower-case English by CLIP's byte pairs: all that captions of shapes need of a tokenizer."""

    def __init__(self, merges):
        pairs = [tuple(line.split()) for line in pathlib.Path(merges).read_text(encoding="utf-8").splitlines()[1:] if line]
        self.ranks = {pair: i for i, pair in enumerate(pairs)}
        self.ids = {"".join(pair): 512 + i for i, pair in enumerate(pairs)}
        self.ids.update({chr(c): c - 33 for c in range(33, 127)})
        self.ids.update({chr(c) + "</w>": 256 + c - 33 for c in range(33, 127)})

    def of(self, word):
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            rank, at = min((self.ranks.get(pair, len(self.ranks)), at) for at, pair in enumerate(zip(parts, parts[1:])))
            if rank == len(self.ranks):
                break
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        return [self.ids[part] for part in parts]

    def rows(self, captions, padding):
        rows = torch.full((len(captions), TOKENS), padding, dtype=torch.int64)
        for row, caption in zip(rows, captions):
            ids = [BEGIN, *(token for word in caption.split() for token in self.of(word)), END]
            row[:len(ids)] = torch.tensor(ids)
        return rows


def encode(models, rows):
    """What SDXL's UNet is given of texts: both penultimate states side by side, and the pooled text of the second encoder."""
    first = models["text_encoder"](rows["text_encoder"], output_hidden_states=True)
    second = models["text_encoder_2"](rows["text_encoder_2"], output_hidden_states=True)
    return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1), second.text_embeds


def predict(models, latent, time, states, pooled, size):
    ids = torch.tensor([size, size, 0, 0, size, size], device=latent.device, dtype=pooled.dtype).expand(len(latent), -1)
    return models["unet"](latent, time, states, added_cond_kwargs={"text_embeds": pooled, "time_ids": ids}).sample


def alphas(device):
    roots = torch.linspace(SCHEDULE["beta_start"]**0.5, SCHEDULE["beta_end"]**0.5, SCHEDULE["num_train_timesteps"], dtype=torch.float64)
    return torch.cumprod(1 - roots**2, 0).float().to(device)
