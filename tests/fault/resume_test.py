#!/usr/bin/env python3
"""`flamehost run` of a training that is stopped, killed, changed and gone on with."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["FLAMEHOST"]
FAULTS = os.environ["FLAME_FAULTS"]
QUICKSTART = pathlib.Path(__file__).resolve().parents[2] / "configs/quickstart"
MANY = "train.steps=100000"


class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.file = cls.folder / "pipeline.yaml"
        cls.file.write_text(json.dumps({  # JSON is YAML
            "flame": 1, "seed": 3,
            "backend": {"use": "onednn", "precision": "f32", "threads": 1},
            "model": {"use": "sdxl", "weights": [str(QUICKSTART / "tiny-sdxl.safetensors")],
                      "config": str(QUICKSTART / "tiny-sdxl.json")},
            "data": {"use": "image-folder", "path": str(QUICKSTART / "pictures"), "resolution": 64, "flip": True},
            "adapter": {"use": "lora", "rank": 2, "layers": "attention"},
            "train": {"steps": 4, "batch": 1, "accumulate": 2, "ema": 0.9, "checkpoint_every": 2, "keep": 2,
                      "optimizer": {"use": "adamw", "lr": 0.01}}}))
        run = cls.flamehost("--set", "run=whole")
        assert run.returncode == 0, run

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def flamehost(cls, *words, **environment):
        return subprocess.run([PROGRAM, "run", cls.file, *words], capture_output=True, text=True, check=False, cwd=cls.folder,
                              env={**os.environ, **environment})

    def setUp(self):
        """A run of its own that has come to step 4, with checkpoints at 2 and 4."""
        self.name = self.id().rsplit(".", 1)[1]
        self.place = self.folder / "runs" / self.name / "checkpoints"
        shutil.copytree(self.folder / "runs/whole", self.place.parent)

    def run_it(self, *words, **environment):
        return self.flamehost("--set", f"run={self.name}", *words, **environment)

    def forget(self, *steps):
        for step in steps:
            shutil.rmtree(self.place / f"step-{step:06}")

    def start(self, *words, ignored=False):
        """A run without an end, when it has saved anew."""
        before = {path.name for path in self.place.iterdir()} | {".making"}
        process = subprocess.Popen([PROGRAM, "run", self.file, "--set", f"run={self.name}", "--set", MANY, *words], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   # A test in the background of a script hands on that SIGINT is ignored.
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        while process.poll() is None and {path.name for path in self.place.iterdir()} <= before:
            time.sleep(0.01)
        self.assertIsNone(process.poll())
        return process

    def wrong(self, code, run, *parts):
        self.assertEqual(run.returncode, code, run)
        for part in parts:
            self.assertIn(part, run.stderr)

    def test_a_run_in_two_parts_ends_in_the_same_bytes(self):
        whole = (self.place / "step-000004/state.safetensors").read_bytes()
        self.forget(4)
        run = self.run_it()
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("going on from runs/", run.stdout)
        self.assertEqual((self.place / "step-000004/state.safetensors").read_bytes(), whole)
        self.forget(2, 4)
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual((self.place / "step-000004/state.safetensors").read_bytes(), whole)

    def test_a_signal_saves_and_stops_and_the_same_command_goes_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start()
            process.send_signal(number)
            _, errors = process.communicate()
            self.assertEqual(process.returncode, 130, errors)
            self.assertIn("stopping after this pass", errors)
            self.assertIn("the same command goes on from there", errors)
            name = (self.place / "latest").read_text().strip()
            self.assertIn(f"checkpoints/{name}", errors)
            step = int(name.split("-")[1])
            run = self.run_it("--set", f"train.steps={step + 1}")
            self.assertEqual(run.returncode, 0, run)
            self.assertIn(f"going on from runs/{self.name}/checkpoints/{name}", run.stdout)

    def test_a_signal_between_pictures_saves_and_stops_and_they_are_drawn_later(self):
        whole = (self.place / "step-000004/state.safetensors").read_bytes()
        self.forget(4)
        drawn = self.place.parent / "samples/step-000002"

        def words(count):
            prompts = json.dumps(["a star"] * count)
            return [PROGRAM, "run", self.file, "--set", f"run={self.name}", "--set",
                    f"sample={{every: 2, steps: 10, width: 64, height: 64, prompts: {prompts}}}"]
        process = subprocess.Popen(words(1000), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not (drawn / "002.png").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("stopped at step 2 of 4; what was learned is in", errors)
        count = len(list(drawn.iterdir()))
        self.assertLess(count, 1000)
        run = subprocess.run(words(count + 1), cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run)
        self.assertEqual(len(list(drawn.iterdir())), count + 2)  # and the grid
        self.assertEqual((self.place / "step-000004/state.safetensors").read_bytes(), whole)

    def test_a_second_signal_stops_at_once_and_breaks_nothing(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        while "stopping" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 130, errors)
        newest = max(int(path.name.split("-")[1]) for path in self.place.glob("step-*"))
        self.assertEqual(self.run_it("--set", f"train.steps={newest + 1}").returncode, 0)

    def test_an_ignored_signal_stays_ignored(self):
        process = self.start(ignored=True)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(errors.count("stopping"), 1)
        self.assertIn("what was learned is in", errors)

    def test_a_killed_run_goes_on(self):
        process = self.start()
        process.kill()
        process.wait()
        newest = max(int(path.name.split("-")[1]) for path in self.place.glob("step-*"))
        run = self.run_it("--set", f"train.steps={newest + 1}")
        self.assertEqual(run.returncode, 0, run)
        self.assertIn(f"step-{newest:06}", run.stdout)

    def test_a_name_in_use_is_refused(self):
        process = self.start()
        self.wrong(2, self.run_it(), f"the run '{self.name}' is in use by the process {process.pid}", "--set run=NAME")
        process.kill()
        process.wait()

    def test_changed_settings_are_shown_and_must_be_allowed(self):
        self.forget(4)
        words = ("--set", "seed=4", "--set", "train.optimizer.lr=0.02")
        self.wrong(2, self.run_it(*words), "was saved by another training", "seed: 3 -> 4", "train.optimizer.lr: 0.01 -> 0.02",
                   "--allow-changes")
        self.wrong(2, self.run_it("--allow-changes", "--set", "train.accumulate=1"), "train.accumulate: 2 -> 1", "--resume never")
        self.assertEqual([path.name for path in self.place.glob("step-*")], ["step-000002"])
        self.wrong(0, self.run_it(*words, "--allow-changes"), "seed: 3 -> 4")

    def test_changed_pictures_are_noticed(self):
        pictures = self.folder / "pictures"
        shutil.copytree(QUICKSTART / "pictures", pictures)
        self.forget(4)
        run = self.run_it("--set", f"data.path={pictures}")
        self.assertEqual(run.returncode, 0, run)  # the same in another place
        self.forget(4)
        caption = sorted(pictures.glob("*.txt"))[0]
        caption.write_text("another text")
        self.wrong(2, self.run_it("--set", f"data.path={pictures}"), "examples:", "--allow-changes")

    def test_steps_cannot_be_fewer_than_were_made(self):
        self.wrong(2, self.run_it("--set", "train.steps=3"), "step-000004", "train.steps is 3", "raise train.steps")

    def test_a_torn_checkpoint_is_named_and_the_one_before_is_taken(self):
        file = self.place / "step-000004/state.safetensors"
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        run = self.run_it()
        self.wrong(0, run, "step-000004 is not whole: state.safetensors has", "checkpoints.1")
        self.assertIn("step-000002", run.stdout)
        self.assertEqual(file.read_bytes(), whole)

    def test_without_a_whole_checkpoint_nothing_is_begun_anew_unasked(self):
        for path in self.place.glob("step-*"):
            (path / "manifest.json").unlink()
        self.wrong(6, self.run_it(), "none of the checkpoints", "step-000004", "step-000002", "manifest.json is missing", "--resume never")

    def test_what_resume_names_is_taken_or_refused(self):
        self.wrong(6, self.run_it("--resume", "nowhere"), "--resume nowhere", "no such folder")
        self.wrong(6, self.run_it("--resume", "runs"), "/runs is not whole: manifest.json is missing")
        (self.place / "step-000004/pipeline.json").unlink()
        self.wrong(6, self.run_it("--resume", str(self.place / "step-000004")), "pipeline.json is missing")
        run = self.run_it("--resume", str(self.folder / "runs/whole"))
        self.assertEqual(run.returncode, 0, run)
        self.assertIn("runs/whole/checkpoints/step-000004", run.stdout)
        self.assertTrue((self.place.parent / "checkpoints.1/step-000002").is_dir())
        self.assertTrue((self.place / "step-000004").is_dir())

    def test_an_older_one_is_gone_on_from_and_newer_ones_move_aside(self):
        run = self.run_it("--resume", str(self.place / "step-000002"))
        self.wrong(0, run, "checkpoints.1")
        self.assertTrue((self.place.parent / "checkpoints.1/step-000004").is_dir())
        self.assertTrue((self.place / "step-000004").is_dir())

    def test_never_begins_anew_and_loses_nothing(self):
        run = self.run_it("--resume", "never", "--set", "seed=9")
        self.assertEqual(run.returncode, 0, run)
        self.assertNotIn("going on", run.stdout)
        self.assertEqual(sorted(path.name for path in (self.place.parent / "checkpoints.1").iterdir()), ["step-000002", "step-000004"])

    def test_a_full_disk_ends_the_run_and_keeps_what_was_saved(self):
        self.forget(4)
        under = {"LD_PRELOAD": FAULTS, "FAULT_UNDER": f"runs/{self.name}/checkpoints"}
        self.wrong(6, self.run_it(**under, FAULT_FREE="1000"), "a checkpoint needs", "make room")
        self.wrong(6, self.run_it(**under, FAULT_AT="18", FAULT_KIND="ENOSPC", FAULT_EVER="1"), "No space left", "make room")
        self.wrong(6, self.run_it(**under, FAULT_AT="18", FAULT_KIND="EIO", FAULT_EVER="1"), "Input/output error")
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual((self.place / "step-000004/state.safetensors").read_bytes(),
                         (self.folder / "runs/whole/checkpoints/step-000004/state.safetensors").read_bytes())

    def test_a_folder_that_cannot_be_written_is_said_before_anything_is_loaded(self):
        under = {"LD_PRELOAD": FAULTS, "FAULT_UNDER": f"runs/{self.name}", "FAULT_AT": "1", "FAULT_KIND": "EROFS", "FAULT_EVER": "1"}
        run = self.run_it(**under)
        self.wrong(6, run, f"runs/{self.name}/lock: cannot open: Read-only file system", "take a folder that you may use")
        self.assertEqual(run.stdout, "")
        shutil.rmtree(self.place)
        self.place.write_text("in the way")
        self.wrong(6, self.run_it(), "checkpoints: cannot make the folder")


if __name__ == "__main__":
    unittest.main()
