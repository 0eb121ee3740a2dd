#!/usr/bin/env python3
"""The tiny SDXL draws what it is asked for, and the quickstart teaches it what it cannot draw: by `flamehost run`, judged from pixels."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
import lora_files  # noqa: E402

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "grey", "black")
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
WHITE = " on a white background"


def captions():
    """40 of one shape, 24 of two, of the kinds that the model was trained with."""
    for i in range(40):
        yield f"a {('large', 'small')[i // 2 % 2]} {COLOURS[i % 10]} {SHAPES[i % 6]}{WHITE}"
    for i in range(24):
        first = f"a {('large', 'small')[i // 3 % 2]} {COLOURS[i % 10]} {SHAPES[i % 6]}"
        second = f"a {('small', 'large')[i // 3 % 2]} {COLOURS[(i * 3 + 1) % 10]} {SHAPES[(i + 2) % 6]}"
        yield f"{first} {('above', 'left of')[i % 2]} {second}{WHITE}"


class Quickstart(unittest.TestCase):
    def draw(self, folder, prompts, changes=()):
        """Pictures by their prompts. On one thread: other tests run beside it, and threads that wait for each other would suffer."""
        settings = json.dumps(list(prompts))
        words = [os.environ["FLAMEHOST"], "run", ROOT / "configs/quickstart/draw.yaml", "--set", f"sample.prompts={settings}",
                 "--set", "backend.use=onednn", "--set", "backend.threads=1", *(word for key, value in changes for word in ("--set", f"{key}={value}"))]
        run = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        files = sorted(file for file in (pathlib.Path(folder) / "runs/quickstart-draw/pictures").iterdir() if file.name != "grid.png")
        self.assertEqual(len(files), len(prompts))
        return files

    def train(self, folder, changes=()):
        """The quickstart in a folder of its own, on one thread."""
        settings = {"backend.use": "onednn", "backend.threads": 1, "export.0.path": f"{folder}/zorb.safetensors",
                    "data.cache": f"{folder}/cache", "data.index": f"{folder}/index", **dict(changes)}
        if "export" in settings:
            del settings["export.0.path"]
        words = [os.environ["FLAMEHOST"], "run", ROOT / "configs/quickstart.yaml",
                 *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]
        return subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, check=False)

    def pixels(self, file):
        reader = ROOT / "tests/exporters/read_png.py"
        told = subprocess.run([sys.executable, reader, file], capture_output=True, text=True, check=True).stdout
        return bytes.fromhex(re.search(r"^pixels (\w+)$", told, re.MULTILINE).group(1))

    def score(self, files, prompts):
        lines = "".join(f"{file}\t{prompt}\n" for file, prompt in zip(files, prompts))
        run = subprocess.run([os.environ["JUDGE"]], input=lines, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.told = run.stdout  # for messages of failures
        return int(re.search(r"^(\d+) of \d+$", run.stdout, re.MULTILINE).group(1))

    def test_the_tiny_sdxl_draws_what_it_is_asked_for(self):
        prompts = list(captions())
        with tempfile.TemporaryDirectory() as folder:
            files = self.draw(folder, prompts)
            self.assertGreaterEqual(self.score(files, prompts), 0.95 * len(prompts), self.told)
            # The judge sees the difference: other captions are not what the pictures show.
            self.assertLessEqual(self.score(files, prompts[1:] + prompts[:1]), 2, self.told)

    def test_its_pictures_are_those_of_a_whole_diffusers_pipeline(self):
        golden = ROOT / "tests/golden/pictures"
        for case in json.loads((golden / "cases.json").read_text()):
            with self.subTest(case["name"]), tempfile.TemporaryDirectory() as folder:
                changes = [(f"sample.{key}", json.dumps(case[key])) for key in ("negative", "seed", "steps", "guidance", "rescale")]
                changes += [("sample.sampler", f"{{use: {case['sampler']}}}"), ("model.prediction_type", case["prediction"])]
                file, = self.draw(folder, [case["prompt"]], changes)
                ours, theirs = (self.pixels(picture) for picture in (file, golden / f"{case['name']}.png"))
                self.assertEqual(len(ours), 128 * 128 * 3)
                self.assertLessEqual(max(abs(a - b) for a, b in zip(ours, theirs, strict=True)), 1)

    def test_the_tiny_sdxl_has_never_seen_a_zorb(self):
        prompts = [f"a large {COLOURS[i % 10]} zorb{WHITE}" for i in range(16)]
        with tempfile.TemporaryDirectory() as folder:
            self.assertLessEqual(self.score(self.draw(folder, prompts, [("sample.seed", 100)]), prompts), 1, self.told)

    def mean_loss(self, rows):
        return sum(row["loss"] for row in rows) / len(rows)

    def test_the_quickstart_teaches_a_zorb_and_keeps_the_rest(self):
        prompts = yaml.safe_load((ROOT / "configs/quickstart.yaml").read_text())["sample"]["prompts"]
        zorbs, others = prompts[:16], prompts[16:]
        self.assertTrue(all("zorb" in prompt for prompt in zorbs) and not any("zorb" in prompt for prompt in others))
        self.assertEqual(len(others), 8)
        with tempfile.TemporaryDirectory() as folder:
            run = self.train(folder)
            self.assertEqual(run.returncode, 0, run.stderr)
            results = pathlib.Path(folder) / "runs/quickstart"
            scores, told = {}, ""
            for step in sorted((results / "samples").iterdir()):
                files = sorted(file for file in step.iterdir() if file.name != "grid.png")
                self.assertEqual(len(files), len(prompts))
                scores[step.name] = [self.score(files[:16], zorbs), self.score(files[16:], others)]
                told += self.told
            (zorbs_before, others_before), *_, (zorbs_after, others_after) = scores.values()
            self.assertLessEqual(zorbs_before, 0.1 * len(zorbs), told)
            self.assertGreaterEqual(zorbs_after, 0.8 * len(zorbs), told)
            self.assertGreaterEqual(others_after, 0.9 * others_before, told)
            self.assertGreaterEqual(others_before, 7, told)

            rows = [json.loads(line) for line in (results / "metrics.jsonl").read_text().splitlines()]
            self.assertLess(self.mean_loss(rows[-25:]), 0.8 * self.mean_loss(rows[:25]))

            exported, = json.loads((results / "run.json").read_text())["exports"]
            modules, known = re.match(r"(\d+) modules, (\d+) of them known to other programs", exported["coverage"]).groups()
            self.assertEqual(modules, known)
            header, _ = lora_files.read(f"{folder}/zorb.safetensors")
            self.assertEqual(len([key for key in header if key.endswith(".alpha")]), int(modules))

    def test_an_exported_file_draws_what_the_adapter_drew(self):
        prompts = ["a large red zorb on a white background", "a small blue ring on a white background"]
        drawing = {"sample.prompts": json.dumps(prompts), "sample.steps": 10, "sample.seed": 5}
        with tempfile.TemporaryDirectory() as folder:
            files = {"f16": ("comfyui-lora", "f16", 2), "f32": ("comfyui-lora", "f32", 1), "peft": ("diffusers-lora", "f32", 1)}
            exports = [{"use": use, "path": f"{folder}/{name}.safetensors", "precision": precision}
                       for name, (use, precision, _) in files.items()]
            run = self.train(folder, {"train.steps": 30, "train.schedule": "{use: constant}", "export": json.dumps(exports), **drawing})
            self.assertEqual(run.returncode, 0, run.stderr)
            samples = pathlib.Path(folder) / "runs/quickstart/samples"
            live = [self.pixels(samples / f"step-000030/{i:03}.png") for i in (1, 2)]
            without = [self.pixels(samples / f"step-000000/{i:03}.png") for i in (1, 2)]
            for name, (_, _, most) in files.items():
                with self.subTest(name):
                    loras = json.dumps([{"path": f"{folder}/{name}.safetensors"}])
                    drawn = [self.pixels(file) for file in self.draw(folder, prompts, [*drawing.items(), ("sample.loras", loras)])]
                    for ours, adapters, base in zip(drawn, live, without, strict=True):
                        apart = [abs(a - b) for a, b in zip(ours, adapters, strict=True)]
                        learned = [abs(a - b) for a, b in zip(base, adapters, strict=True)]
                        self.assertLessEqual(max(apart), most)
                        self.assertLessEqual(sum(apart), 0.01 * len(apart))
                        self.assertGreater(max(learned), 40)

    def test_with_the_learning_rate_at_0_nothing_is_exported(self):
        with tempfile.TemporaryDirectory() as folder:
            run = self.train(folder, {"train.optimizer.lr": 0, "train.steps": 5, "sample.prompts": '["a red zorb"]', "sample.steps": 1})
            self.assertEqual(run.returncode, 5, run.stderr)
            self.assertIn("warning: the learning rate of 'denoiser' is 0", run.stderr)
            self.assertIn("it has learned nothing, and is not exported", run.stderr)
            self.assertFalse((pathlib.Path(folder) / "zorb.safetensors").exists())
            facts = json.loads((pathlib.Path(folder) / "runs/quickstart/run.json").read_text())
            self.assertIn("it has learned nothing", facts["outcome"])
            self.assertEqual(facts["exports"], [])


if __name__ == "__main__":
    unittest.main()
