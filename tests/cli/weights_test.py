#!/usr/bin/env python3
"""`flamehost weights` and `flamehost crosscheck RECORDING` from outside, on the tiny models of tests/golden/recordings."""
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["FLAMEHOST"]
RECORDINGS = pathlib.Path(__file__).resolve().parent.parent / "golden" / "recordings"


def flamehost(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)


def header_of(file):
    data = pathlib.Path(file).read_bytes()
    size, = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + size])


def config_of(recording):
    """The recorded configuration, which is one of diffusers or transformers."""
    return header_of(RECORDINGS / f"{recording}.safetensors")["__metadata__"]["flame.config"]


def write_raw(file, header, data=b""):
    text = json.dumps(header).encode()
    pathlib.Path(file).write_bytes(struct.pack("<Q", len(text)) + text + data)


class InFolder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.unet = self.folder / "unet.json"
        self.unet.write_text(config_of("sdxl_unet_a"))
        self.vae = self.folder / "vae.json"
        self.vae.write_text(config_of("sdxl_vae_a_encoder"))
        self.clip = self.folder / "clip.json"
        self.clip.write_text(config_of("clip_g_a"))

    def tearDown(self):
        self.temporary.cleanup()

    def right(self, *words):
        run = flamehost(*words)
        self.assertEqual(run.returncode, 0, run)
        return run.stdout

    def wrong(self, code, *words):
        run = flamehost(*words)
        self.assertEqual(run.returncode, code, run)
        self.assertTrue(run.stderr.startswith("error: "), run)
        return run.stderr


class Inspect(InFolder):
    def test_shows_types_names_metadata_and_kind(self):
        file = self.folder / "a.safetensors"
        write_raw(file, {"__metadata__": {"made": "by \u001b[31mhand"},
                         "model.x.attn2.to_k.weight": {"dtype": "F16", "shape": [2, 768], "data_offsets": [0, 3072]}},
                  bytes(3072))
        text = self.right("weights", "inspect", file)
        for part in ("1 tensors, 3.1 kB", "Stable Diffusion 1.x", "F16", "made = by"):
            self.assertIn(part, text)
        self.assertNotIn("\x1b", text)
        shown = json.loads(self.right("weights", "inspect", file, "--json"))
        self.assertEqual(shown[0]["tensors"][0]["shape"], [2, 768])

    def test_refuses_what_is_no_file_of_weights(self):
        pickle = self.folder / "model.ckpt"
        pickle.write_bytes(b"PK\x03\x04")
        self.assertIn("pickle", self.wrong(2, "weights", "inspect", pickle))
        self.wrong(6, "weights", "inspect", self.folder / "absent.safetensors")
        self.wrong(2, "weights", "inspect", self.folder)


class Make(InFolder):
    def make(self, name, *words):
        file = self.folder / name
        self.right("weights", "make", "sdxl", file, "--config", self.unet, *words)
        return file

    def test_the_same_seed_gives_the_same_bytes_and_another_does_not(self):
        digest = [hashlib.sha256(self.make(name, "--seed", seed).read_bytes()).hexdigest()
                  for name, seed in (("a", 7), ("b", 7), ("c", 8))]
        self.assertEqual(digest[0], digest[1])
        self.assertNotEqual(digest[0], digest[2])

    def test_every_layout_of_a_seed_holds_the_same_model(self):
        diffusers = self.make("a", "--dtype", "f32")
        ldm = self.make("b", "--dtype", "f32", "--layout", "ldm")
        back = self.folder / "c"
        self.right("weights", "convert", ldm, back, "--model", "sdxl", "--config", self.unet, "--layout", "diffusers")
        self.assertEqual(diffusers.read_bytes(), back.read_bytes())

    def test_one_file_holds_several_models_and_each_is_found(self):
        file = self.folder / "all.safetensors"
        models = ("--config", self.unet, "--config", self.vae, "--config", self.clip)
        self.right("weights", "make", "sdxl,sdxl-vae,clip-g", file, *models, "--layout", "ldm,ldm,open_clip")
        text = self.right("weights", "check", file, "--model", "sdxl,sdxl-vae,clip-g", *models)
        for part in ("'model.diffusion_model.'", "'first_stage_model.'", "'conditioner.embedders.1.model.'"):
            self.assertIn(part, text)
        joined = self.folder / "all.json"
        joined.write_text(json.dumps({"sdxl": json.loads(self.unet.read_text()), "sdxl-vae": json.loads(self.vae.read_text()),
                                      "clip-g": json.loads(self.clip.read_text())}))
        self.right("weights", "check", file, "--model", "sdxl,sdxl-vae,clip-g", "--config", joined)
        self.right("weights", "check", file, "--model", "clip-g", "--config", self.clip)

    def test_tiny_is_a_whole_checkpoint_of_the_same_architecture(self):
        file = self.folder / "tiny.safetensors"
        models = "sdxl,sdxl-vae,clip-l,clip-g"
        self.right("weights", "make", models, file, "--config", "tiny", "--layout", "ldm,ldm,ldm,open_clip")
        self.assertLess(file.stat().st_size, 24e6)
        self.right("weights", "check", file, "--model", models, "--config", "tiny")
        self.assertIn("full, tiny", self.wrong(2, "weights", "check", file, "--model", "sdxl", "--config", "tyny"))

    def test_what_cannot_be_made_is_refused_and_leaves_nothing(self):
        out = self.folder / "out.safetensors"
        for words, part in ((("no-such-model", out), "no-such-model"),
                            (("sdxl", out, "--config", self.unet, "--layout", "ldn"), "did you mean 'ldm'"),
                            (("sdxl", out, "--config", self.vae), "does not know"),
                            (("sdxl", out, "--config", self.unet, "--seed", "x"), "--seed"),
                            (("sdxl,sdxl-vae", out, "--config", self.unet), "has no object 'sdxl'")):
            self.assertIn(part, flamehost("weights", "make", *words).stderr)
            self.assertFalse(out.exists())


    def test_a_file_that_cannot_grow_is_exit_code_6_and_leaves_nothing(self):
        out = self.folder / "out.safetensors"
        run = subprocess.run(["sh", "-c", f"ulimit -f 8; exec '{PROGRAM}' weights make sdxl '{out}' --config '{self.unet}'"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 6, run)
        self.assertIn("cannot write", run.stderr)
        self.assertEqual([entry.name for entry in self.folder.iterdir() if entry.name.startswith("out")], [])


class Check(InFolder):
    def test_takes_a_folder_with_its_configuration(self):
        model = self.folder / "unet"
        model.mkdir()
        (model / "config.json").write_text(self.unet.read_text())
        self.right("weights", "make", "sdxl", model / "diffusion_pytorch_model.safetensors", "--config", self.unet)
        self.assertIn("'diffusers'", self.right("weights", "check", model, "--model", "sdxl"))

    def test_lists_all_that_is_wrong_in_groups_and_says_what_the_file_is(self):
        file = self.folder / "a.safetensors"
        self.right("weights", "make", "sdxl-vae", file, "--config", self.vae)
        text = self.wrong(2, "weights", "check", file, "--model", "sdxl", "--config", self.unet)
        self.assertRegex(text, r"\d+ missing")
        self.assertRegex(text, r"\d+ extra")
        self.assertLess(text.count("\n"), 40)

    def test_a_model_must_be_named(self):
        self.assertIn("--model", self.wrong(2, "weights", "check", self.folder / "a"))


class Convert(InFolder):
    def test_numbers_that_f16_cannot_hold_are_an_error_and_leave_nothing(self):
        file, out = self.folder / "a.safetensors", self.folder / "out.safetensors"
        self.right("weights", "make", "sdxl-vae", file, "--config", self.vae, "--dtype", "f32")
        data = bytearray(file.read_bytes())
        data[-4:] = struct.pack("<f", 1e9)
        file.write_bytes(data)
        words = ("weights", "convert", file, out, "--model", "sdxl-vae", "--config", self.vae)
        self.assertIn("f16 cannot hold", self.wrong(5, *words, "--dtype", "f16"))
        self.assertEqual([entry.name for entry in self.folder.iterdir() if entry.name.startswith("out")], [])
        self.right(*words, "--dtype", "bf16")
        self.assertEqual({entry["dtype"] for name, entry in header_of(out).items() if name != "__metadata__"}, {"BF16"})

    def test_facts_go_into_the_header_and_what_is_none_is_refused(self):
        file, out = self.folder / "a.safetensors", self.folder / "out.safetensors"
        self.right("weights", "make", "sdxl-vae", file, "--config", self.vae)
        words = ("weights", "convert", file, out, "--model", "sdxl-vae", "--config", self.vae)
        self.right(*words, "--metadata", "title=a=b", "--metadata", "empty=")
        self.assertEqual(header_of(out)["__metadata__"], {"format": "pt", "title": "a=b", "empty": ""})
        out.unlink()
        self.assertIn("KEY=VALUE", self.wrong(2, *words, "--metadata", "title"))
        self.assertIn("'format' twice", self.wrong(2, *words, "--metadata", "format=x"))
        self.assertFalse(out.exists())

    def test_without_a_model_the_file_must_hold_one_at_full_size(self):
        file = self.folder / "a.safetensors"
        self.right("weights", "make", "sdxl-vae", file, "--config", self.vae)
        self.assertIn("--config", self.wrong(2, "weights", "convert", file, self.folder / "b", "--layout", "ldm"))


class Recording(InFolder):
    def files(self, name):
        recording = RECORDINGS / f"{name}.safetensors"
        weights = RECORDINGS / f"{name}.weights.safetensors"
        if not weights.exists():
            weights = RECORDINGS / f"{name.rsplit('_', 1)[0]}.weights.safetensors"
        return recording, "--weights", weights

    def test_every_recording_agrees_in_f64_and_in_f32(self):
        names = [file.stem for file in RECORDINGS.glob("*.safetensors") if ".weights" not in file.name]
        self.assertGreaterEqual(len(names), 10)
        for name in names:
            for words in (("--dtype", "f64"), ("--backend", "onednn")):
                text = self.right("crosscheck", *self.files(name), *words)
                self.assertIn("the model agrees with the recording", text)

    def test_a_limit_that_is_not_kept_is_exit_code_5_and_json_says_where(self):
        report = self.folder / "report.json"
        run = flamehost("crosscheck", *self.files("clip_l_a"), "--tolerance", "1e-9", "--json", report)
        self.assertEqual(run.returncode, 5, run)
        self.assertIn("OUTSIDE", run.stdout)
        result = json.loads(report.read_text())
        self.assertFalse(result["equal"])
        worst = max(result["tensors"], key=lambda tensor: tensor["norm_relative"])
        self.assertEqual(len(worst["at"]), len(worst["shape"]))

    def test_what_does_not_fit_is_exit_code_2(self):
        recording, option, weights = self.files("clip_l_a")
        other = self.files("clip_l_b")[2]
        for words, part in (((recording,), "--weights"),
                            ((recording, option, other), "misshaped"),
                            ((weights, option, weights), "flame.recording"),
                            ((recording, option, weights, "--tolerance", "-1"), "--tolerance"),
                            ((recording, option, weights, "--lockstep"), "not for recordings"),
                            ((recording, option, weights, "--adapter", weights), "of no known kind"),
                            ((recording, option, weights, "--dtype", "i64"), "--dtype"),
                            (("--ops", "fill", "--tolerance", "1"), "for recordings and pipelines alone")):
            self.assertIn(part, self.wrong(2, "crosscheck", *words))

    def test_a_changed_weight_is_seen(self):
        recording, option, weights = self.files("clip_l_a")
        data = bytearray(weights.read_bytes())
        data[-2] ^= 0x40
        changed = self.folder / "changed.safetensors"
        changed.write_bytes(data)
        run = flamehost("crosscheck", recording, option, changed)
        self.assertEqual(run.returncode, 5, run)


if __name__ == "__main__":
    unittest.main()
