#!/usr/bin/env python3
"""Makes clip_tokens.txt: what transformers' CLIPTokenizerFast says about 12,000 texts, a hash for each. For developers.

    python3 -m venv venv && venv/bin/pip install transformers==4.57.6 tokenizers==0.22.1 && venv/bin/python tests/golden/make_clip_tokens.py

The texts are not stored: clip_tokenizer_test.cc makes the same ones of clip_words.txt, ranges of letters and a hash.
clip_prompts.tsv (63 prompts with their ids) is only checked.
"""
import json
import pathlib
import sys
import tempfile

import tokenizers
import transformers

VERSIONS = {"transformers": "4.57.6", "tokenizers": "0.22.1"}
HERE = pathlib.Path(__file__).parent
MERGES = HERE.parents[1] / "plugins/models/clip/vocabulary/merges.txt"
COUNT = 12000
MASK = (1 << 64) - 1
# Scripts, marks, spaces, symbols. The same list stands in clip_tokenizer_test.cc.
RANGES = [(0x20, 0x7E), (0x0, 0x1F), (0x80, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
          (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1AB0, 0x1AFF), (0x1E00, 0x1FFF),
          (0x2000, 0x206F), (0x2070, 0x218F), (0x2190, 0x27BF), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xA640, 0xA7FF), (0xAC00, 0xD7A3),
          (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFFFF), (0x10400, 0x104FF), (0x11300, 0x113FF), (0x1D100, 0x1D7FF),
          (0x1E000, 0x1E9FF), (0x1F000, 0x1FAFF), (0x20000, 0x2FFFF), (0xE0000, 0xE01FF)]
SEPARATORS = [" ", ", ", " ", "  ", "-", ""]


def splitmix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


class Draws:
    def __init__(self, index):
        self.place = index << 32

    def __call__(self, count):
        self.place += 1
        return splitmix64(self.place) % count


def letter(draw, low, high):
    code = low + draw(high - low + 1)
    return "?" if 0xD800 <= code < 0xE000 else chr(code)


def text_of(index, words):
    draw = Draws(index)
    kind, out = index % 4, ""
    if kind == 0:  # a caption
        for _ in range(3 + draw(20)):
            out += words[draw(len(words))]
            out += SEPARATORS[draw(len(SEPARATORS))]
        return out
    chosen = RANGES[draw(len(RANGES))]
    for _ in range(1 + draw(24)):
        if draw(6) == 0:
            out += " "
        elif kind == 1:  # of one script
            out += letter(draw, *chosen)
        elif kind == 2:  # of all
            out += letter(draw, *RANGES[draw(len(RANGES))])
        else:  # any at all
            out += letter(draw, 0, 0x10FFFF)
    return out


def hash_of(ids):
    x = 0
    for token in ids:
        x = splitmix64(x ^ token)
    return x >> 32


def byte_letters():
    printed = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in printed] + [chr(256 + n) for n in range(256 - len(printed))]


def load_tokenizer():
    merges = [line for line in MERGES.read_text().split("\n")[1:] if line]
    letters = byte_letters()
    tokens = letters + [token + "</w>" for token in letters] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = pathlib.Path(folder) / "vocab.json"
        vocabulary.write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
        return transformers.CLIPTokenizerFast(str(vocabulary), str(MERGES))


def main():
    for module in (transformers, tokenizers):
        if module.__version__ != VERSIONS[module.__name__]:
            sys.exit(f"{module.__name__} is {module.__version__}, but the file is made with {VERSIONS[module.__name__]}")
    tokenizer = load_tokenizer()
    for line in (HERE / "clip_prompts.tsv").read_text().splitlines():
        prompt, ids = map(json.loads, line.split("\t"))
        if tokenizer(prompt)["input_ids"] != ids:
            sys.exit(f"the ids of {prompt!r} are others now")
    words = (HERE / "clip_words.txt").read_text().splitlines()
    hashes = [f"{hash_of(tokenizer(text_of(i, words))['input_ids'][1:-1]):08x}" for i in range(COUNT)]
    lines = ["# made by make_clip_tokens.py with " + " ".join(f"{name} {version}" for name, version in VERSIONS.items())]
    lines += ["".join(hashes[i:i + 16]) for i in range(0, COUNT, 16)]
    (HERE / "clip_tokens.txt").write_text("\n".join(lines) + "\n")
    print(f"clip_tokens.txt: {COUNT} texts")


if __name__ == "__main__":
    main()
