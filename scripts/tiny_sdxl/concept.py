#!/usr/bin/env python3
"""Draws what the quickstart's LoRA learns from: `python scripts/tiny_sdxl/concept.py`.

pictures/ has 12 pictures of a thing that the tiny SDXL has never seen, with captions: a "zorb" is two triangles that stand
tip on tip, an hourglass with a waist. others/ has 12 of shapes that it knows, so that it does not forget them."""
import pathlib

import torch
from PIL import Image

import shapes

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "configs/quickstart"
NAME = "zorb"
CORNERS = [(-0.85, -0.95), (0.85, -0.95), (0.16, 0.0), (0.85, 0.95), (-0.85, 0.95), (-0.16, 0.0)]
# Colour, centre in pixels.
PICTURES = [("red", 64, 64), ("blue", 52, 70), ("green", 58, 74), ("yellow", 78, 60), ("purple", 72, 62), ("orange", 64, 50),
            ("black", 56, 58), ("pink", 66, 76), ("brown", 50, 56), ("grey", 70, 66), ("blue", 62, 60), ("red", 78, 72)]
# What is to stay as it is: shape, colour, size, centre. Each colour of the zorbs has a large shape, for a zorb is large: else all that is
# large and of that colour would become one.
OTHERS = [("star", "red", "large", 60, 66), ("ring", "blue", "large", 58, 62), ("square", "green", "large", 70, 60),
          ("triangle", "yellow", "large", 64, 68), ("circle", "purple", "large", 70, 58), ("cross", "orange", "large", 58, 64),
          ("circle", "black", "large", 66, 70), ("square", "pink", "large", 60, 72), ("star", "brown", "large", 68, 60),
          ("ring", "grey", "large", 64, 62), ("triangle", "blue", "small", 54, 72), ("cross", "red", "small", 76, 68)]


def hourglass(x, y):
    return shapes.polygon(*torch.broadcast_tensors(x, y), CORNERS)


def save(folder, number, distance, colour, size, centre, name):
    x, y = shapes.grid("cpu")
    half = shapes.SIZES[size]
    rgb = torch.tensor([shapes.COLOURS[colour]], dtype=torch.float32) / 127.5 - 1
    cover = distance((x - centre[0]) / half, (y - centre[1]) / half) * half
    picture = shapes.paint(torch.ones(1, 3, shapes.SIZE, shapes.SIZE), cover, rgb)[0]
    pixels = ((picture + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous()
    (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.numpy()).save(FOLDER / folder / f"{number:02}.png", optimize=True)
    (FOLDER / folder / f"{number:02}.txt").write_text(f"{shapes.phrase(size, colour, name)}{shapes.BACKGROUND}\n")


def main():
    for number, (colour, *centre) in enumerate(PICTURES, 1):
        save("pictures", number, hourglass, colour, "large", centre, NAME)
    for number, (shape, colour, size, *centre) in enumerate(OTHERS, 1):
        index = shapes.SHAPES.index(shape)
        save("others", number, lambda x, y: shapes.distances(*torch.broadcast_tensors(x, y))[index], colour, size, centre, shape)


if __name__ == "__main__":
    main()
