#!/usr/bin/env python3
"""Writes core/train/sdxl_lora_keys.txt: the stems of LoRA tensors that ComfyUI knows for SDXL. For developers.

  make_lora_keys.py TABLE     TABLE: tab-separated, with the columns stem, shape, family and use, as ComfyUI's functions
                              model_lora_keys_unet and model_lora_keys_clip give them for the published model

A line is a shape and a pattern, in which {0-1,4} stands for each of these numbers. The families are kohya's names, of
the UNet in the single file's numbering and in that of diffusers, and of the text encoders.
"""
import collections
import csv
import itertools
import json
import pathlib
import re
import sys

FAMILIES = ("kohya_ldm", "kohya_diffusers", "kohya")
NUMBER = re.compile(r"(?<![a-z0-9])\d+(?![a-z0-9])")
OUT = pathlib.Path(__file__).resolve().parent.parent / "core/train/sdxl_lora_keys.txt"


def boxes(tuples):
    """Products of sets that together hold the tuples, each once."""
    if tuples == {()}:
        return [()]
    rests = collections.defaultdict(set)
    for first, *rest in tuples:
        rests[first].add(tuple(rest))
    firsts = collections.defaultdict(list)
    for first, rest in sorted(rests.items()):
        firsts[frozenset(rest)].append(first)
    return [(tuple(numbers), *box) for rest, numbers in firsts.items() for box in boxes(set(rest))]


def text_of(numbers):
    if len(numbers) == 1:
        return str(numbers[0])
    ranges = []
    for _, group in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        ranges.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return "{" + ",".join(ranges) + "}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    patterns, stems = collections.defaultdict(set), 0
    with open(sys.argv[1], newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["family"] not in FAMILIES or row["use"] != "lora":
                continue
            stems += 1
            numbers = tuple(map(int, NUMBER.findall(row["stem"])))
            patterns[NUMBER.sub("*", row["stem"]), tuple(json.loads(row["shape"]))].add(numbers)
    lines = []
    for (pattern, shape), tuples in patterns.items():
        parts = pattern.split("*")
        for box in boxes(tuples):
            stem = parts[0] + "".join(text_of(numbers) + part for numbers, part in zip(box, parts[1:]))
            lines.append(f"{'x'.join(map(str, shape))} {stem}\n")
    text = "".join(sorted(lines))
    OUT.write_text(text)
    print(f"{OUT.name}: {stems} stems in {len(lines)} lines, {len(text)} bytes")


if __name__ == "__main__":
    main()
