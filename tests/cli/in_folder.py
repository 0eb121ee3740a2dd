"""What tests of the program from outside share: a folder for each class with the program in it, and a small SDXL of random weights."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["FLAMEHOST"]
MODELS = "sdxl,sdxl-vae,clip-l,clip-g"
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "plugins/models/configs"


class InFolder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def flamehost(cls, *words):
        return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, cwd=cls.folder)

    @classmethod
    def make_small_models(cls):
        """tiny.safetensors, and its configuration in tiny.json."""
        configs = {model: json.loads((CONFIGS / f"{model}.tiny.json").read_text()) for model in MODELS.split(",")}
        (cls.folder / "tiny.json").write_text(json.dumps(configs))
        made = cls.flamehost("weights", "make", MODELS, "tiny.safetensors", "--config", "tiny", "--layout", "ldm,ldm,ldm,open_clip",
                             "--dtype", "f32")
        assert made.returncode == 0, made
