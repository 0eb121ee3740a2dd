#!/usr/bin/env python3
"""`adapter: {use: full}` from the pictures to the checkpoint."""
import json
import pathlib
import shutil
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "exporters"))
import lora_files  # noqa: E402
import read_png  # noqa: E402
from in_folder import InFolder  # noqa: E402

QUICKSTART = TESTS.parent / "configs/quickstart"
BASE = QUICKSTART / "tiny-sdxl.safetensors"


class TrainingOfWeights(InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "pictures").mkdir()
        for name in ("01", "02"):
            for ending in (".png", ".txt"):
                shutil.copy(QUICKSTART / "pictures" / (name + ending), cls.folder / "pictures")
        cls.sections = {
            "flame": 1, "seed": 5,
            "backend": {"use": "onednn", "precision": "f32", "threads": 1},
            "model": {"use": "sdxl", "weights": [str(BASE)], "config": str(QUICKSTART / "tiny-sdxl.json")},
            "sample": {"prompts": ["a large red zorb"], "steps": 2, "width": 64, "height": 64},
        }
        learned = {**cls.sections, "run": "learned",
                   "data": {"use": "image-folder", "path": "pictures", "resolution": 64, "bucket_step": 16, "min_bucket": 32,
                            "index": "index", "cache": "cache"},
                   "adapter": {"use": "full", "layers": ["mid_block.**", "conv_norm_out"],
                               "parts": [{"role": "text_encoder_2", "lr": 1e-3}]},
                   "train": {"steps": 2, "checkpoint_every": 1, "optimizer": {"use": "adamw", "lr": 1e-3}},
                   "export": [{"use": "merge", "path": "learned.safetensors", "precision": "f32"}]}
        (cls.folder / "learned.yaml").write_text(json.dumps(learned))  # JSON is YAML
        cls.run_learned = cls.flamehost("run", "learned.yaml")
        assert cls.run_learned.returncode == 0, cls.run_learned

    def pixels(self, file):
        return read_png.pixels_of(list(read_png.chunks_of(file.read_bytes())))

    def test_the_checkpoint_has_every_tensor_of_the_base_and_draws_what_was_drawn_live(self):
        before, _ = lora_files.read(BASE)
        after, _ = lora_files.read(self.folder / "learned.safetensors")
        self.assertEqual({name: entry["shape"] for name, entry in before.items() if name != "__metadata__"},
                         {name: entry["shape"] for name, entry in after.items() if name != "__metadata__"})
        draw = {**self.sections, "run": "drawn", "model": {**self.sections["model"], "weights": ["learned.safetensors"]}}
        (self.folder / "drawn.yaml").write_text(json.dumps(draw))
        run = self.flamehost("run", "drawn.yaml")
        self.assertEqual(run.returncode, 0, run)
        live, = (path for path in (self.folder / "runs/learned/samples/step-000002").glob("*.png") if path.name != "grid.png")
        first, = (path for path in (self.folder / "runs/learned/samples/step-000000").glob("*.png") if path.name != "grid.png")
        drawn, = (path for path in (self.folder / "runs/drawn/pictures").glob("*.png") if path.name != "grid.png")
        self.assertEqual(self.pixels(live), self.pixels(drawn))
        self.assertNotEqual(self.pixels(live), self.pixels(first))

    def test_it_goes_on_to_the_bit(self):
        whole = (self.folder / "runs/learned/checkpoints/step-000002/state.safetensors").read_bytes()
        merged = (self.folder / "learned.safetensors").read_bytes()
        shutil.rmtree(self.folder / "runs/learned/checkpoints/step-000002")
        (self.folder / "learned.safetensors").unlink()
        run = self.flamehost("run", "learned.yaml")
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("going on from", run.stdout)
        self.assertEqual((self.folder / "runs/learned/checkpoints/step-000002/state.safetensors").read_bytes(), whole)
        self.assertEqual((self.folder / "learned.safetensors").read_bytes(), merged)

    def test_presets_leave_out_no_layer_whose_own_weights_learn(self):
        def parameters(adapter):
            words = ("--json", "--set", f"adapter={json.dumps(adapter)}", "--set", "export=[]")
            return json.loads(self.flamehost("plan", "learned.yaml", *words).stdout)["parameters"]
        for use, compare in (({"use": "full"}, self.assertLess), ({"use": "lora", "rank": 1}, self.assertEqual)):
            with self.subTest(use["use"]):
                whole = parameters({**use, "layers": ["all"]})
                compare(parameters({**use, "layers": ["all", "!time_embedding.*", "!add_embedding.*"]}), whole)

    def test_the_plan_counts_what_learns_as_weights_and_no_less_than_is_taken(self):
        plan = json.loads(self.flamehost("plan", "learned.yaml", "--json", "--set", "export.0.overwrite=true").stdout)
        training = next(phase for phase in plan["phases"] if phase["name"] == "training")
        self.assertEqual(training["bytes"]["adapters"], 0)
        self.assertGreaterEqual(training["bytes"]["optimizer"], 2 * training["bytes"]["gradients"])
        taken = json.loads((self.folder / "runs/learned/metrics.jsonl").read_text().splitlines()[-1])["memory_bytes"]
        self.assertGreaterEqual(plan["peak_bytes"], taken)
        self.assertLessEqual(plan["peak_bytes"], 1.05 * taken)


if __name__ == "__main__":
    unittest.main()
