#!/usr/bin/env python3
"""`flamehost run` from outside: pictures of small models with random weights, and what is refused."""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "exporters"))
import lora_files  # noqa: E402
import read_png  # noqa: E402
from in_folder import InFolder, PROGRAM  # noqa: E402


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


class Run(InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_small_models()

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

    def wrong(self, code, file, *parts, words=()):
        run = self.flamehost("run", file, *words)
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

    def pixels(self, **changes):
        """Of the one picture."""
        picture, = self.pictures(self.pipeline(**changes))
        return read_png.pixels_of(list(read_png.chunks_of(picture.read_bytes())))

    def write_lora(self, name, layers, alpha=None):
        """layers: (beginning and name of the layer, key of its weight). Gives what merged() takes, for strength 1."""
        header, _ = lora_files.read(self.folder / "tiny.safetensors")
        tensors, changes = {}, []
        for seed, (layer, key) in enumerate(layers):
            down, up = lora_files.pair(header[key]["shape"], seed + len(name))
            kohya = layer.startswith("lora_")
            tensors[layer + (".lora_down.weight" if kohya else ".lora_A.weight")] = down
            tensors[layer + (".lora_up.weight" if kohya else ".lora_B.weight")] = up
            if alpha is not None:
                tensors[layer + ".alpha"] = ([], [alpha])
            changes.append((key, (down, up), 1 if alpha is None else alpha))
        lora_files.write(self.folder / name, tensors)
        return changes

    KOHYA = [
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
         "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"),
        ("lora_unet_input_blocks_1_0_in_layers_2", "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1",
         "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1",
         "conditioner.embedders.1.model.transformer.resblocks.0.mlp.c_fc.weight"),
    ]
    PEFT = [
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k",
         "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_k.weight"),
        ("unet.mid_block.resnets.0.conv1", "model.diffusion_model.middle_block.0.in_layers.2.weight"),
        ("text_encoder.text_model.encoder.layers.0.mlp.fc1",
         "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight"),
        ("text_encoder_2.text_model.encoder.layers.0.mlp.fc2",
         "conditioner.embedders.1.model.transformer.resblocks.0.mlp.c_proj.weight"),
    ]

    def test_a_picture_in_bands_is_the_same_but_for_rounding(self):
        whole, bands = self.pixels(), self.pixels(sample={"tile": 16})
        apart = [abs(a - b) for a, b in zip(whole, bands)]
        self.assertEqual(len(whole), 128 * 64 * 3)
        self.assertLessEqual(max(apart), 1)
        self.assertLessEqual(sum(apart), len(whole) // 1000)

    def test_a_lora_of_strength_0_changes_no_bit(self):
        self.write_lora("zero.safetensors", self.KOHYA)
        item = {"path": "zero.safetensors", "strength": 0}
        self.assertEqual(self.pixels(), self.pixels(sample={"loras": [item]}))
        self.assertNotEqual(self.pixels(), self.pixels(sample={"loras": [{**item, "strength": 0.5}]}))

    def test_each_layer_of_a_lora_changes_the_picture(self):
        plain = self.pixels()
        for number, layer in enumerate(self.KOHYA + self.PEFT):
            self.write_lora("one.safetensors", [layer])
            changed = self.pixels(sample={"loras": [{"path": "one.safetensors"}]})
            self.assertNotEqual(plain, changed, f"{number}: {layer[0]}")

    def test_several_loras_draw_what_the_merged_checkpoint_draws(self):
        kohya = self.write_lora("kohya.safetensors", self.KOHYA, alpha=0.5)
        peft = self.write_lora("peft.safetensors", self.PEFT)
        changes = [(key, halves, factor * strength) for made, strength in ((kohya, 0.75), (peft, -0.5))
                   for key, halves, factor in made]
        lora_files.merged(self.folder / "tiny.safetensors", changes, self.folder / "merged.safetensors")
        loras = [{"path": "kohya.safetensors", "strength": 0.75}, {"path": "peft.safetensors", "strength": -0.5}]
        drawn = self.pixels(sample={"loras": loras})
        self.assertEqual(drawn, self.pixels(model={"weights": ["merged.safetensors"]}))
        self.assertNotEqual(drawn, self.pixels())

    def test_the_picture_says_which_loras_it_was_drawn_with(self):
        self.write_lora("style.safetensors", self.KOHYA)
        picture, = self.pictures(self.pipeline(sample={"loras": [{"path": "style.safetensors", "strength": 0.5}]}))
        self.assertIn('LoRA: "style: 0.5"', texts_of(picture)[1]["parameters"])

    def test_a_lora_of_another_model_is_refused_with_all_that_has_no_layer(self):
        half = [1.0] * 8
        lora_files.write(self.folder / "other.safetensors", {
            "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": ([1, 8], half),
            "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": ([8, 1], half),
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": ([1, 8], half),
            "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": ([8, 1], half),
        })
        self.wrong(2, self.pipeline(sample={"loras": [{"path": "other.safetensors"}]}), "sample.loras.0", "other.safetensors",
                   "2 of 2 pairs", "'lora_unet_double_blocks_0_img_attn_qkv' is no layer", "do not fit the weight")
        self.wrong(6, self.pipeline(sample={"loras": [{"path": "nowhere.safetensors"}]}), "nowhere.safetensors")
        self.wrong(2, self.pipeline(sample={"loras": [{"path": "tiny.safetensors"}]}), "not a LoRA that is known here")
        self.wrong(2, self.pipeline(sample={"loras": [{"strength": 1}]}), "path")
        (self.folder / "pickled.pt").write_bytes(b"\x80\x02}q\x00.")
        self.wrong(2, self.pipeline(sample={"loras": [{"path": "pickled.pt"}]}), "pickled.pt")

    def test_a_lora_with_numbers_that_are_not_finite_is_refused(self):
        self.write_lora("broken.safetensors", self.KOHYA[:1])
        file = self.folder / "broken.safetensors"
        file.write_bytes(file.read_bytes()[:-4] + struct.pack("<f", float("nan")))
        self.wrong(2, self.pipeline(sample={"loras": [{"path": "broken.safetensors"}]}), "not finite", "lora_up")

    def test_configurations_go_by_name(self):
        plain = self.pixels()
        self.assertEqual(plain, self.pixels(model={"config": "tiny"}))
        self.wrong(2, self.pipeline(model={"config": "huge"}), "no configuration 'huge' installed", "full, tiny")

    def test_what_a_prompt_loses_is_said(self):
        run = self.flamehost("run", self.pipeline(sample={"prompts": ["cat " * 80]}))
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("5 tokens at its end are cut", run.stderr)

    def test_what_needs_more_sections_is_refused_and_not_passed_over(self):
        self.wrong(2, self.pipeline(adapter={"use": "lora"}), "has no section 'data'")
        self.wrong(2, self.pipeline(sample=None), "has no section 'sample'")
        self.wrong(2, self.pipeline(sample={"every": 10}), "sample.every")
        self.wrong(2, self.pipeline(sample={"strength": 0.5}), "sample.strength")

    def test_a_prompt_that_is_no_unicode_is_refused(self):
        file = self.pipeline()
        file.write_bytes(file.read_bytes().replace(b"a red circle", b"a red \xff circle"))
        self.wrong(2, file, "UTF-8")

    def test_layouts_may_be_mixed_and_a_part_that_is_missing_is_named(self):
        for model, layout in (("sdxl", "diffusers"), ("sdxl-vae", "diffusers"), ("clip-l,clip-g", "ldm,open_clip")):
            made = self.flamehost("weights", "make", model, f"{model}.safetensors", "--config", "tiny", "--dtype", "f32",
                                  "--layout", layout)
            self.assertEqual(made.returncode, 0, made)
        parts = ["sdxl.safetensors", "sdxl-vae.safetensors", "clip-l,clip-g.safetensors"]
        self.assertEqual(self.pixels(), self.pixels(model={"weights": parts}))
        self.wrong(2, self.pipeline(model={"weights": parts[:2]}), "clip-l", "missing")
        self.wrong(2, self.pipeline(model={"weights": parts[1:]}), "sdxl", "missing")

    def test_a_vocabulary_that_is_missing_is_named(self):
        # An installation without the vocabulary: the same libraries by links.
        bare = self.folder / "bare"
        shutil.copytree(pathlib.Path(PROGRAM).parent, bare / "bin")
        shutil.copytree(pathlib.Path(PROGRAM).parents[1] / "lib/flamehost", bare / "lib/flamehost")
        run = subprocess.run([bare / "bin/flamehost", "run", self.pipeline()], capture_output=True, text=True, check=False,
                             cwd=self.folder)
        self.assertEqual(run.returncode, 6, run)
        for part in ("merges.txt", "install flamehost again"):
            self.assertIn(part, run.stderr)

    def test_files_that_are_no_weights_are_refused(self):
        (self.folder / "model.ckpt").write_bytes(b"PK\x03\x04 pickled")
        (self.folder / "short.safetensors").write_bytes((self.folder / "tiny.safetensors").read_bytes()[:100000])
        self.wrong(2, self.pipeline(model={"weights": ["model.ckpt"]}), "model.ckpt", "safetensors")
        self.wrong(2, self.pipeline(model={"weights": ["short.safetensors"]}), "short.safetensors", "cut short")
    def test_pictures_are_not_gone_on_with(self):
        self.wrong(2, self.pipeline(), "--resume is for a training", words=("--resume", "auto"))
        self.wrong(2, self.pipeline(), "--allow-changes is for a training", words=("--allow-changes",))

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

    def test_a_picture_that_finds_no_room_leaves_no_file(self):
        file = self.pipeline()
        run = subprocess.run([PROGRAM, "run", file], capture_output=True, text=True, check=False, cwd=self.folder,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        self.assertEqual(run.returncode, 6, run)
        for part in (f"runs/{file.stem}/pictures/001.png", "File too large", "ulimit -f"):
            self.assertIn(part, run.stderr)
        self.assertEqual(list((self.folder / "runs" / file.stem / "pictures").iterdir()), [])

    def test_an_interrupted_write_leaves_no_file(self):
        folder = self.folder / "interrupted"
        folder.mkdir()
        with subprocess.Popen([PROGRAM, "weights", "make", "sdxl", "full.safetensors"], cwd=folder,
                              stderr=subprocess.PIPE, text=True) as run:
            # Until the file is there and grows, under whatever name.
            while not any(link.startswith(str(folder)) for link in self.open_files(run.pid)):
                self.assertIsNone(run.poll())
            run.send_signal(signal.SIGINT)
            self.assertIn("interrupted", run.communicate()[1])
        self.assertEqual(run.returncode, 130)
        self.assertEqual(list(folder.iterdir()), [])

    @staticmethod
    def open_files(pid):
        """What the process has open, apart from its current folder."""
        links = []
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                links.append(os.readlink(entry))
            except OSError:  # closed by now
                pass
        return links

    def test_threads_go_before_those_of_the_file(self):
        self.assertEqual(self.flamehost("run", self.pipeline(), "--threads", 2).returncode, 0)
        self.wrong(2, self.pipeline(), "'many' is not a whole number", words=["--threads", "many"])
        reference = self.pipeline(backend={"use": "reference"})
        text = json.loads(reference.read_text())
        del text["backend"]["threads"]
        reference.write_text(json.dumps(text))
        self.wrong(2, reference, "no backend here has a number of threads", words=["--threads", 2])

    def test_a_folder_that_cannot_be_made_is_a_storage_failure(self):
        (self.folder / "runs").mkdir(exist_ok=True)
        file = self.pipeline()
        (self.folder / "runs" / file.stem).write_text("in the way")
        self.wrong(6, file, "cannot make the folder")


if __name__ == "__main__":
    unittest.main()
