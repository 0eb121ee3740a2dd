#!/usr/bin/env python3
"""`flamehost crosscheck PIPELINE` from outside: a training step of a small SDXL on two backends, with bugs planted in one."""
import json
import os
import pathlib
import unittest

from in_folder import InFolder

TESTS = pathlib.Path(__file__).resolve().parents[1]
MUTANTS = os.environ["FLAME_MUTANTS"]


class Crosscheck(InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_small_models()

    def pipeline(self, **changes):
        sections = {
            "seed": 3,
            "backend": {"precision": "f32"},
            "model": {"use": "sdxl", "weights": ["tiny.safetensors"], "config": "tiny.json"},
            "data": {"use": "image-folder", "path": "pictures", "resolution": 64},
            "adapter": {"use": "lora", "rank": 4, "layers": ["**"]},
            "train": {"steps": 1, "batch": 1, "optimizer": {"use": "adamw", "lr": 1e-3}},
        }
        for name, change in changes.items():
            if change is None:
                del sections[name]
            elif isinstance(change, dict):
                sections.setdefault(name, {}).update(change)
            else:
                sections[name] = change
        file = self.folder / f"{self.id().rsplit('.', 1)[1]}.yaml"
        file.write_text(json.dumps({"flame": 1, **sections}))  # JSON is YAML
        return file

    def compared(self, file, *words, code=0):
        """Runs it, and gives its output and its JSON."""
        out = self.folder / "out.json"
        run = self.flamehost("crosscheck", file, "--random-data", "--json", out, "--plugin-path", MUTANTS, *words)
        self.assertEqual(run.returncode, code, run)
        return run.stdout, json.loads(out.read_text())

    def wrong(self, code, words, *parts):
        run = self.flamehost("crosscheck", *words)
        self.assertEqual(run.returncode, code, run)
        for part in parts:
            self.assertIn(part, run.stderr)

    def test_two_backends_agree_in_a_step(self):
        page = self.folder / "page.html"
        out, found = self.compared(self.pipeline(), "--reference", "reference", "--candidate", "onednn", "--lockstep", "--html", page)
        self.assertIn("the backends agree in a training step", out)
        self.assertTrue(found["equal"])
        self.assertEqual(found["gates"]["name"], "f32")
        self.assertGreater(found["loss"], 0)
        gradients = found["gradients"]["outputs"]
        self.assertGreater(len(gradients), 50)
        for gradient in gradients:
            self.assertLessEqual(gradient["difference"]["norm_relative"], gradient["allowed"], gradient)
            self.assertLess(gradient["allowed"], 5e-5, gradient)
            self.assertNotIn("wrong", gradient)
        # Where a LoRA starts with zeros, the gradients of what stands before them would be zero.
        self.assertTrue(any("lora_down" in gradient["output"] for gradient in gradients))
        self.assertGreater(found["gradients"]["median_norm_relative"], 0)
        self.assertGreater(found["lockstep"]["compared"], 200)
        self.assertTrue(found["lockstep"]["equal"])
        text = page.read_text()
        for gradient in gradients:
            self.assertIn(gradient["output"], text)
        self.assertNotIn("<script", text)

    def test_encoders_that_learn_are_compared_too(self):
        parts = [{"role": "text_encoder", "layers": ["attention"]}]
        _, found = self.compared(self.pipeline(adapter={"parts": parts}), "--reference", "reference", "--candidate", "onednn")
        names = [gradient["output"] for gradient in found["gradients"]["outputs"]]
        self.assertTrue(any(name.startswith("text_encoder/") for name in names), names)

    def test_narrow_types_have_wider_gates(self):
        _, found = self.compared(self.pipeline(), "--set", "backend.precision=bf16", "--reference", "onednn:threads=2", "--candidate",
                                 "onednn:threads=1", "--lockstep")
        self.assertEqual(found["gates"]["name"], "bf16")
        # What the type costs is measured on this very model.
        self.assertGreater(found["rounding_alone"]["median"], 1e-4)
        self.assertGreaterEqual(found["gates"]["norm_relative"], 2 * found["rounding_alone"]["norm_relative"])

    def test_the_same_seed_gives_the_same_step(self):
        file = self.pipeline()
        words = ("--reference", "onednn:threads=2", "--candidate", "onednn:threads=1")
        _, first = self.compared(file, *words)
        _, again = self.compared(file, *words)
        _, other = self.compared(file, *words, "--set", "seed=4")
        self.assertEqual(first["reference_loss"], again["reference_loss"])
        self.assertNotEqual(first["reference_loss"], other["reference_loss"])

    def test_the_pictures_of_a_pipeline_are_its_data(self):
        out = self.folder / "pictures.json"
        run = self.flamehost("crosscheck", TESTS.parent / "configs/quickstart.yaml", "--reference", "onednn:threads=2", "--candidate",
                             "onednn:threads=1", "--set", "train.batch=1", "--set", f"data.cache={self.folder}/cache", "--json", out)
        self.assertEqual(run.returncode, 0, run)
        self.assertRegex(json.loads(out.read_text())["data"], r"quickstart/(pictures|others)/\S+\.png")

    def planted(self, bug, op):
        out, found = self.compared(self.pipeline(), "--reference", "onednn", "--candidate", f"mutant:bug={bug}", "--lockstep", code=5)
        # Both see it: gradients are off, and the op is named.
        self.assertIn("DIFFERS", out)
        self.assertFalse(found["gradients"]["equal"])
        self.assertIn(f"({op}) is the first that differs", out)
        first = found["lockstep"]["first"]
        self.assertEqual(first["op"], op)
        self.assertRegex(first["place"], r"\.cc:\d+")
        self.assertTrue(first["inputs"] and first["outputs"] and first["wrong"])

    def test_a_norm_with_another_eps_is_named(self):
        self.planted("eps-of-another-norm", "layer_norm")

    def test_a_product_that_is_one_percent_more_is_named(self):
        self.planted("one-percent-more", "matmul")

    def test_a_gradient_without_its_mean_term_is_named(self):
        self.planted("mean-term-missing", "layer_norm_grad")

    def test_without_lockstep_it_is_said_how_to_find_the_op(self):
        out, _ = self.compared(self.pipeline(), "--reference", "onednn", "--candidate", "mutant:bug=one-percent-more", code=5)
        self.assertIn("the backends differ in a training step; --lockstep names the first op that does", out)

    def test_no_bug_is_found_where_none_is(self):
        out, _ = self.compared(self.pipeline(), "--reference", "onednn", "--candidate", "mutant", "--lockstep")
        self.assertIn("ops agree", out)

    def test_bad_requests_are_refused(self):
        file = self.pipeline()
        pictures = {"prompts": ["a red circle"], "steps": 2}
        drawing = self.pipeline(data=None, adapter=None, train=None, sample=pictures)
        drawing = drawing.rename(self.folder / "drawing.yaml")
        no_data = self.pipeline(data=None).rename(self.folder / "no_data.yaml")
        no_adapter = self.pipeline(adapter=None).rename(self.folder / "no_adapter.yaml")
        file = self.pipeline()
        random = (file, "--random-data")
        both = "both 'onednn', which proves nothing"
        for words, *parts in [
            ((*random, "--candidate", "vulkan"), "vulkan"),
            ((*random, "--candidate", "onednn:threds=2"), "threds"),
            ((*random, "--candidate", "onednn"), both),
            ((*random, "--reference", "onednn:threads=2", "--candidate", "onednn:threads=2"), both),
            ((*random, "--candidate", "reference", "--tolerance", "none"), "--tolerance none"),
            ((*random, "--candidate", "reference", "--set", "data.resolution=100"), "resolution"),
            ((*random, "--candidate", "reference", "--set", "train.steps=many"), "not a right pipeline"),
            ((*random, "--seed", "2"), "--seed is not for pipelines", "--set seed=2"),
            ((*random, "--dtype", "bf16"), "--dtype is not for pipelines", "backend.precision"),
            ((*random, "--backend", "onednn"), "--backend is for recordings alone"),
            ((drawing, "--candidate", "reference"), "draws pictures and trains nothing"),
            ((no_data, "--candidate", "reference"), "no section 'data'", "--random-data"),
            ((no_adapter, "--random-data", "--candidate", "reference"), "no section 'adapter'"),
            (("--ops", "map", "--html", "x.html"), "--html is for pipelines alone"),
            (("program.json", "--random-data"), "--random-data is for pipelines alone"),
            (("program.json", "--set", "seed=2"), "--set is for pipelines alone"),
        ]:
            with self.subTest(words=words):
                self.wrong(3 if "vulkan" in words else 2, words, *parts)
        self.wrong(6, ("nothing.yaml",), "nothing.yaml")
        self.wrong(6, (*random, "--reference", "onednn:threads=2", "--candidate", "onednn:threads=1", "--html", "tiny.json/page.html"), "tiny.json/page.html")
        self.wrong(6, (*random, "--candidate", "reference", "--set", "model.weights=[none.safetensors]"), "none.safetensors")


if __name__ == "__main__":
    unittest.main()
