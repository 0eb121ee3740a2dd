#!/usr/bin/env python3
"""Trainings on a GPU with `determinism: strict`: equal at every step, and in parts as at once. Skipped where no GPU answers."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["FLAMEHOST"]
QUICKSTART = pathlib.Path(__file__).resolve().parents[2] / "configs/quickstart"


class GpuResume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.file = cls.folder / "pipeline.yaml"
        cls.file.write_text(json.dumps({  # JSON is YAML
            "flame": 1, "seed": 3,
            "backend": {"use": "cuda", "precision": "f32", "determinism": "strict"},
            "model": {"use": "sdxl", "weights": [str(QUICKSTART / "tiny-sdxl.safetensors")],
                      "config": str(QUICKSTART / "tiny-sdxl.json")},
            "data": {"use": "image-folder", "path": str(QUICKSTART / "pictures"), "resolution": 128, "flip": True},
            "adapter": {"use": "lora", "rank": 4, "layers": "attention"},
            "train": {"steps": 60, "batch": 2, "accumulate": 3, "ema": 0.9, "keep": 1, "checkpoint_every": 1000,
                      "optimizer": {"use": "adamw", "lr": 0.01}}}))
        doctor = subprocess.run([PROGRAM, "doctor", "--json"], capture_output=True, text=True, check=False)
        devices = json.loads(doctor.stdout).get("devices", []) if doctor.stdout else []
        cls.there = any(device.get("backend") == "cuda" and "name" in device for device in devices)
        if cls.there:
            run = cls.flamehost("whole")
            assert run.returncode == 0, run

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def flamehost(cls, name):
        return subprocess.run([PROGRAM, "run", cls.file, "--set", f"run={name}"], capture_output=True, text=True, check=False,
                              cwd=cls.folder)

    def setUp(self):
        if not self.there:
            self.skipTest("no GPU answers")

    def steps(self, name):
        lines = [json.loads(line) for line in (self.folder / "runs" / name / "metrics.jsonl").read_text().splitlines()]
        return [(line["loss"], line["gradient_norm"]) for line in lines if "loss" in line]

    def state(self, name):
        place = self.folder / "runs" / name / "checkpoints"
        return (place / (place / "latest").read_text().strip() / "state.safetensors").read_bytes()

    def test_two_runs_are_equal_at_every_step(self):
        self.assertEqual(self.flamehost("again").returncode, 0)
        self.assertEqual(self.steps("again"), self.steps("whole"))
        self.assertEqual(self.state("again"), self.state("whole"))

    def test_a_run_that_is_stopped_ends_in_the_same_bytes(self):
        metrics = self.folder / "runs/parts/metrics.jsonl"
        for steps in (7, 20, 33):
            process = subprocess.Popen([PROGRAM, "run", self.file, "--set", "run=parts"], cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and (not metrics.exists() or len(metrics.read_text().splitlines()) < steps):
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            process.wait()
        self.assertEqual(self.flamehost("parts").returncode, 0)
        self.assertEqual(self.state("parts"), self.state("whole"))


if __name__ == "__main__":
    unittest.main()
