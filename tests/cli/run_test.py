#!/usr/bin/env python3
"""`flamehost run` from outside: pictures of small models with random weights, and what is refused."""
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "exporters"))
import read_png  # noqa: E402

PROGRAM = os.environ["FLAMEHOST"]
MODELS = "sdxl,sdxl-vae,clip-l,clip-g"
CONFIGS = TESTS.parent / "plugins/models/configs"


def texts_of(file):
    """The size and the texts of a PNG, by keyword."""
    texts, size = {}, None
    for kind, content in read_png.chunks_of(pathlib.Path(file).read_bytes()):
        if kind == "IHDR":
            size = struct.unpack(">II", content[:8])
        if kind in ("tEXt", "iTXt"):
            keyword, text = read_png.text_of(kind, content)
            texts[keyword.decode()] = text.decode()
    return size, texts


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        configs = {model: json.loads((CONFIGS / f"{model}.tiny.json").read_text()) for model in MODELS.split(",")}
        (cls.folder / "tiny.json").write_text(json.dumps(configs))
        made = cls.flamehost("weights", "make", MODELS, "tiny.safetensors", "--config", "tiny", "--layout", "ldm")
        assert made.returncode == 0, made

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def flamehost(cls, *words):
        return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, cwd=cls.folder)

    def pipeline(self, **changes):
        sections = {
            "backend": {"use": "onednn", "precision": "f32", "threads": 1},
            "model": {"use": "sdxl", "weights": ["tiny.safetensors"], "config": "tiny.json"},
            "sample": {"prompts": ["a red circle"], "steps": 2, "width": 128, "height": 64, "guidance": 4, "seed": 7},
        }
        for name, change in changes.items():
            if change is None:
                del sections[name]
            else:
                sections.setdefault(name, {}).update(change)
        file = self.folder / f"{self.id().rsplit('.', 1)[1]}.yaml"
        file.write_text(json.dumps({"flame": 1, **sections}))  # JSON is YAML
        return file

    def pictures(self, file):
        run = self.flamehost("run", file)
        self.assertEqual(run.returncode, 0, run)
        return sorted((self.folder / "runs" / file.stem / "pictures").iterdir())

    def wrong(self, code, file, *parts):
        run = self.flamehost("run", file)
        self.assertEqual(run.returncode, code, run)
        for part in parts:
            self.assertIn(part, run.stderr)

    def test_draws_each_prompt_and_a_grid(self):
        files = self.pictures(self.pipeline(sample={"prompts": ["a red circle", "猫"], "negative": "blurry"}))
        self.assertEqual([file.name for file in files], ["001.png", "002.png", "grid.png"])
        size, texts = texts_of(files[0])
        self.assertEqual(size, (128, 64))
        self.assertEqual(texts["parameters"].splitlines()[:2], ["a red circle", "Negative prompt: blurry"])
        self.assertIn("Steps: 2, Sampler: euler, CFG scale: 4, Seed: 7, Size: 128x64", texts["parameters"])
        self.assertTrue(texts_of(files[1])[1]["parameters"].startswith("猫\n"))
        self.assertEqual(texts_of(files[2])[0], (256, 64))

    def test_the_pipeline_that_is_shipped_draws(self):
        file = TESTS.parent / "configs/sample-sdxl.yaml"
        changes = {"backend.use": "onednn", "model.weights": self.folder / "tiny.safetensors",
                   "model.config": self.folder / "tiny.json", "sample.width": 64, "sample.height": 64,
                   "sample.steps": 3, "sample.prompts": "[a cat, 'a dog, asleep']"}
        words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
        run = self.flamehost("run", file, *words)
        self.assertEqual(run.returncode, 0, run)
        _, texts = texts_of(self.folder / "runs/sample-sdxl/pictures/002.png")
        self.assertTrue(texts["parameters"].startswith("a dog, asleep\nNegative prompt: blurry\nSteps: 3, Sampler: dpmpp_2m"))

    def test_the_same_seed_gives_the_same_file(self):
        digests = []
        for seed in (1, 1, 2):
            picture, = self.pictures(self.pipeline(sample={"seed": seed, "sampler": {"use": "euler_ancestral"}}))
            digests.append(hashlib.sha256(picture.read_bytes()).hexdigest())
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])

    def test_what_a_prompt_loses_is_said(self):
        run = self.flamehost("run", self.pipeline(sample={"prompts": ["cat " * 80]}))
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("5 tokens at its end are cut", run.stderr)

    def test_training_is_refused_and_not_passed_over(self):
        self.wrong(2, self.pipeline(adapter={"use": "lora"}), "'adapter' is for training")
        self.wrong(2, self.pipeline(sample=None), "has no section 'sample'")
        self.wrong(2, self.pipeline(sample={"every": 10}), "sample.every")
        self.wrong(2, self.pipeline(sample={"strength": 0.5}), "sample.strength")

    def test_wrong_weights_are_named(self):
        self.wrong(2, self.pipeline(model={"weights": []}), "model.weights is missing")
        self.wrong(6, self.pipeline(model={"weights": ["nowhere.safetensors"]}), "nowhere.safetensors")
        # Of the published size: nothing fits.
        file = self.pipeline()
        text = json.loads(file.read_text())
        del text["model"]["config"]
        file.write_text(json.dumps(text))
        self.wrong(2, file, "sdxl", "misshaped")

    def test_sizes_and_memory_are_checked_before_anything_is_drawn(self):
        self.wrong(2, self.pipeline(sample={"width": 100}), "multiples of 8")
        self.wrong(4, self.pipeline(backend={"memory": "1MiB"}), "backend.memory allows 1.0 MiB")

    def test_a_folder_that_cannot_be_made_is_a_storage_failure(self):
        (self.folder / "runs").mkdir(exist_ok=True)
        file = self.pipeline()
        (self.folder / "runs" / file.stem).write_text("in the way")
        self.wrong(6, file, "cannot make the folder")


if __name__ == "__main__":
    unittest.main()
