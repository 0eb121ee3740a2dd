#!/usr/bin/env python3
"""Draws the 12 pictures and captions from which the quickstart's LoRA learns a thing that the tiny SDXL has never seen:
`python scripts/tiny_sdxl/concept.py`. A "zorb" is two triangles that stand tip on tip, an hourglass with a waist."""
import pathlib

import torch
from PIL import Image

import shapes

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "configs/quickstart/pictures"
NAME = "zorb"
CORNERS = [(-0.85, -0.95), (0.85, -0.95), (0.16, 0.0), (0.85, 0.95), (-0.85, 0.95), (-0.16, 0.0)]
# Colour, size, centre in pixels.
PICTURES = [("red", "large", 64, 64), ("blue", "small", 50, 70), ("green", "large", 58, 70), ("yellow", "small", 78, 60),
            ("purple", "large", 72, 62), ("orange", "small", 64, 48), ("black", "large", 60, 58), ("pink", "large", 66, 72),
            ("brown", "small", 44, 56), ("grey", "large", 70, 66), ("blue", "large", 62, 60), ("red", "small", 82, 76)]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    x, y = shapes.grid("cpu")
    for number, (colour, size, centre_x, centre_y) in enumerate(PICTURES, 1):
        half = shapes.SIZES[size]
        distance = shapes.polygon(*torch.broadcast_tensors((x - centre_x) / half, (y - centre_y) / half), CORNERS) * half
        rgb = torch.tensor([shapes.COLOURS[colour]], dtype=torch.float32) / 127.5 - 1
        picture = shapes.paint(torch.ones(1, 3, shapes.SIZE, shapes.SIZE), distance, rgb)[0]
        pixels = ((picture + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous()
        Image.fromarray(pixels.numpy()).save(FOLDER / f"{number:02}.png", optimize=True)
        (FOLDER / f"{number:02}.txt").write_text(f"{shapes.phrase(size, colour, NAME)}{shapes.BACKGROUND}\n")


if __name__ == "__main__":
    main()
