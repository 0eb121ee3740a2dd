#!/usr/bin/env python3
"""What a training refuses: each time one message that says what to do, the exit code of its class, nothing lost and nothing half-written."""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = os.environ["FLAMEHOST"]
FAULTS = os.environ.get("FLAME_FAULTS", "")
QUICKSTART = TESTS.parent / "configs/quickstart"


class TrainingRefused(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        (self.folder / "pictures").mkdir()
        for name in ("01", "02"):
            for ending in (".png", ".txt"):
                shutil.copy(QUICKSTART / "pictures" / (name + ending), self.folder / "pictures")

    def pipeline(self, **changes):
        sections = {
            "backend": {"use": "onednn", "precision": "f32", "threads": 1},
            "model": {"use": "sdxl", "weights": [str(QUICKSTART / "tiny-sdxl.safetensors")], "config": str(QUICKSTART / "tiny-sdxl.json")},
            "data": {"use": "image-folder", "path": "pictures", "resolution": 64, "bucket_step": 16, "min_bucket": 32, "index": "index",
                     "cache": "cache"},
            "adapter": {"use": "lora", "rank": 2, "layers": ["mid_block.**.to_q"]},
            "train": {"steps": 1, "optimizer": {"use": "adamw", "lr": 1e-2}},
        }
        for name, change in changes.items():
            sections[name] = change if isinstance(change, list) else {**sections.get(name, {}), **change}
        (self.folder / "a.yaml").write_text(json.dumps({"flame": 1, **sections}))  # JSON is YAML

    def run_it(self, **environment):
        return subprocess.run([PROGRAM, "run", "a.yaml"], capture_output=True, text=True, check=False, cwd=self.folder,
                              env={**os.environ, **environment})

    def wrong(self, code, *parts, environment=None, **changes):
        """One message with these parts; and nothing was made but what holds no weights, latents or pictures."""
        self.pipeline(**changes)
        run = self.run_it(**(environment or {}))
        self.assertEqual(run.returncode, code, run)
        for part in parts:
            self.assertIn(part, run.stderr)
        self.assertEqual(len(re.findall("^error:", run.stderr, re.M)), 1, run.stderr)
        self.assertNotIn("terminate called", run.stderr)
        return run

    def made(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.safetensors*"))

    def works(self, **changes):
        self.pipeline(**changes)
        run = self.run_it()
        self.assertEqual(run.returncode, 0, run)
        return run

    def test_an_empty_folder(self):
        (self.folder / "empty").mkdir()
        self.wrong(2, "has no pictures; expected files in PNG, JPEG or WebP", data={"path": "empty"})
        self.wrong(6, "nowhere cannot be listed: No such file or directory; correct the path", data={"path": "nowhere"})
        self.assertEqual(self.made(), [])

    def test_no_captions(self):
        for file in (self.folder / "pictures").glob("*.txt"):
            file.unlink()
        self.wrong(2, "none of the 2 pictures has a caption", "01.txt", "set 'captions: none' and a 'trigger'")
        self.assertEqual(self.made(), [])

    def test_every_picture_is_broken(self):
        for file in (self.folder / "pictures").glob("*.png"):
            file.write_bytes(b"no picture")
        self.wrong(6, "none of the 2 pictures can be used", "01.png: it is no picture", "02.png", "convert it")
        self.assertEqual(self.made(), [])

    def test_every_picture_is_cut_short_behind_a_sound_header(self):
        for file in (self.folder / "pictures").glob("*.png"):
            file.write_bytes(file.read_bytes()[:60])
        self.wrong(6, "none of the 2 examples can be used", "01.png", "02.png", "get the files again")

    def test_a_picture_that_is_cut_short_is_left_out_unless_that_is_forbidden(self):
        broken = self.folder / "pictures/02.png"
        broken.write_bytes(broken.read_bytes()[:-200])
        run = self.works()
        self.assertIn("left out", run.stderr)
        self.assertIn("02.png", run.stderr)
        self.assertIn("going on", self.works().stdout)
        shutil.rmtree(self.folder / "runs")
        self.wrong(2, "02.png", "'strict: true' takes no less than all", data={"strict": True})

    def test_a_run_with_exports_is_gone_on_with(self):
        export = [{"use": use, "path": f"{use}.safetensors", "overwrite": True} for use in ("comfyui-lora", "merge")]
        self.works(export=export)
        self.assertIn("going on from", self.works(export=export).stdout)

    def test_entries_of_another_runs_cache(self):
        self.works()
        first = (self.folder / "runs/a/checkpoints/step-000001/state.safetensors").read_bytes()
        entries = sorted((self.folder / "cache").rglob("*.safetensors"))
        entries[0].write_bytes(entries[1].read_bytes())  # under a name that is not its own
        entries[2].write_bytes(entries[2].read_bytes()[:100])
        shutil.rmtree(self.folder / "runs")
        run = self.works()
        self.assertEqual(run.stderr.count("a damaged entry of the cache is made anew"), 2, run.stderr)
        self.assertIn("it belongs to another key", run.stderr)
        self.assertEqual((self.folder / "runs/a/checkpoints/step-000001/state.safetensors").read_bytes(), first)
        # Of other weights: nothing of it is taken, and nothing of it is lost.
        kept = {path: path.read_bytes() for path in (self.folder / "cache").rglob("*.safetensors")}
        shutil.copy(QUICKSTART / "tiny-sdxl.safetensors", self.folder / "other.safetensors")
        with open(self.folder / "other.safetensors", "r+b") as file:
            file.seek(-8, os.SEEK_END)
            file.write(b"\0\0\0\0\0\0\0\0")
        shutil.rmtree(self.folder / "runs")
        self.works(model={"weights": ["other.safetensors"]})
        for path, content in kept.items():
            self.assertEqual(path.read_bytes(), content)

    def test_a_lora_of_another_base_to_continue_from(self):
        def lora(name, layer, inputs, outputs, rank=2):
            down, up = [0.5] * rank * inputs, [0.25] * rank * outputs
            header = {f"{layer}.lora_down.weight": {"dtype": "F32", "shape": [rank, inputs], "data_offsets": [0, 4 * len(down)]},
                      f"{layer}.lora_up.weight": {"dtype": "F32", "shape": [outputs, rank],
                                                  "data_offsets": [4 * len(down), 4 * (len(down) + len(up))]}}
            text = json.dumps(header).encode()
            (self.folder / name).write_bytes(struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(down) + len(up)}f", *down, *up))
        lora("flux.safetensors", "lora_unet_double_blocks_0_img_attn_qkv", 3072, 9216)
        self.wrong(2, "flux.safetensors", "double_blocks_0_img_attn_qkv", adapter={"continue_from": "flux.safetensors"})
        lora("wide.safetensors", "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q", 1280, 1280)
        self.wrong(2, "middle_block_1_transformer_blocks_0_attn1_to_q", adapter={"continue_from": "wide.safetensors"})
        self.wrong(6, "nowhere.safetensors", "No such file", "correct the path", adapter={"continue_from": "nowhere.safetensors"})
        (self.folder / "text.safetensors").write_text("no LoRA")
        self.wrong(2, "text.safetensors: 7 bytes, too short for a safetensors file", adapter={"continue_from": "text.safetensors"})
        self.assertFalse((self.folder / "cache").exists())

    def test_a_lora_of_another_rank_to_continue_from(self):
        self.works(export=[{"use": "comfyui-lora", "path": "a.safetensors"}])
        shutil.rmtree(self.folder / "runs")
        self.wrong(2, "cannot go on from", "rank 2, but the adapter's is 4", "must be those that the file was trained with",
                   adapter={"continue_from": "a.safetensors", "rank": 4})

    def test_targets_that_match_nothing(self):
        run = self.wrong(2, "the pattern 'to_qq' means no layer", "did you mean 'to_q'", adapter={"layers": ["to_qq"]})
        self.assertEqual(run.stdout, "")
        self.wrong(2, "the pattern 'to_qq' means no layer", adapter={"parts": [{"role": "text_encoder", "layers": ["to_qq"]}]})
        self.assertEqual(self.made(), [])

    def test_a_budget_that_is_too_small(self):
        self.wrong(4, "backend.memory allows 4.0 MiB", "allow more", backend={"memory": "4MiB"})
        self.assertEqual(self.made(), [])

    def test_an_export_path_that_exists(self):
        (self.folder / "a.safetensors").write_text("mine")
        for use in ("comfyui-lora", "diffusers-lora", "merge"):
            self.wrong(2, "a.safetensors: is there already, and is left as it is", "overwrite: true",
                       export=[{"use": use, "path": "a.safetensors"}])
        self.assertEqual((self.folder / "a.safetensors").read_text(), "mine")
        (self.folder / "folder.safetensors").mkdir()
        self.wrong(2, "is a folder, expected the name of a file", export=[{"use": "merge", "path": "folder.safetensors"}])
        self.assertFalse((self.folder / "cache").exists())

    def test_an_export_path_that_cannot_be_written(self):
        for use in ("comfyui-lora", "merge"):
            self.wrong(6, "cannot create: Not a directory", "a part of it is no folder",
                       export=[{"use": use, "path": "a.yaml/a.safetensors"}])
        (self.folder / "out").mkdir()
        read_only = {"LD_PRELOAD": FAULTS, "FAULT_UNDER": f"{self.folder}/out", "FAULT_AT": "1", "FAULT_KIND": "EROFS", "FAULT_EVER": "1"}
        self.wrong(6, "Read-only file system", "take a folder that you may use", environment=read_only,
                   export=[{"use": "comfyui-lora", "path": "out/a.safetensors"}])
        self.assertFalse((self.folder / "cache").exists())
        self.assertEqual(list((self.folder / "out").iterdir()), [])

    def test_a_disk_that_is_full_at_the_export_loses_no_training(self):
        (self.folder / "out").mkdir()
        export = [{"use": "comfyui-lora", "path": "out/a.safetensors"}]
        full = {"LD_PRELOAD": FAULTS, "FAULT_UNDER": f"{self.folder}/out", "FAULT_AT": "3", "FAULT_KIND": "ENOSPC", "FAULT_EVER": "1"}
        self.wrong(6, "No space left on device", "make room", "what was learned is in", "the same command writes the files",
                   environment=full, export=export)
        self.assertEqual(list((self.folder / "out").iterdir()), [])
        self.works(export=export)
        self.assertEqual([file.name for file in (self.folder / "out").iterdir()], ["a.safetensors"])

    def test_a_disk_that_is_full_at_the_cache(self):
        for at in ("1", "8", "12"):  # the folder, the states of texts, a picture
            full = {"LD_PRELOAD": FAULTS, "FAULT_UNDER": f"{self.folder}/cache", "FAULT_AT": at, "FAULT_KIND": "ENOSPC", "FAULT_EVER": "1"}
            run = self.wrong(6, "No space left on device", "make room", environment=full)
            self.assertNotIn("left out", run.stderr)
        self.works()
        (self.folder / "file").write_text("in the way")
        self.wrong(6, "no folder for cached latents and texts", "name another folder with 'cache'", data={"cache": "file"})

    def test_weights_that_learn_have_no_adapter(self):
        full = {"use": "full", "layers": ["attention"]}
        self.pipeline()
        sections = json.loads((self.folder / "a.yaml").read_text())
        del sections["adapter"]["rank"]

        def refused(*parts, adapter=None, **more):
            (self.folder / "a.yaml").write_text(json.dumps({**sections, "adapter": {**full, **(adapter or {})}, **more}))
            run = self.run_it()
            self.assertEqual(run.returncode, 2, run)
            for part in parts:
                self.assertIn(part, run.stderr)
            self.assertEqual(run.stdout, "")
        for use in ("comfyui-lora", "diffusers-lora"):
            refused(f"'{use}' writes adapters, but adapter.use is full", "export with 'use: merge'",
                    export=[{"use": use, "path": "a.safetensors"}])
        refused("adapter.continue_from names a LoRA file", "model.weights", adapter={"continue_from": "a.safetensors"})
        refused("sample.strength is for adapters", sample={"prompts": ["a"], "strength": 0.5})
        refused("'rank' is an option of adapters", adapter={"layers": ["attention rank=4"]})
        refused("the pattern 'to_qq' means no layer", "did you mean 'to_q'", adapter={"layers": ["to_qq"]})
        self.assertEqual(self.made(), [])


if __name__ == "__main__":
    unittest.main()
