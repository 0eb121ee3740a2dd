"""The versions that the tiny SDXL and its comparisons are made with, in one place."""
import importlib.metadata
import sys

VERSIONS = {"torch": "2.11.0", "diffusers": "0.42.0", "transformers": "5.17.0", "safetensors": "0.8.0"}


def check():
    for name, wanted in VERSIONS.items():
        found = importlib.metadata.version(name).split("+")[0]
        if found != wanted:
            sys.exit(f"{name} is {found}, but this is made with {wanted}: pip install {name}=={wanted}")
