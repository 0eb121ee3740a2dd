#!/usr/bin/env python3
"""Checkpoints while the process is killed and the disk fails: always an old or a new one, whole. FLAME_KILLS is how often it is killed."""
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

WRITER = os.environ["FLAME_CHECKPOINT_WRITER"]
FAULTS = os.environ["FLAME_FAULTS"]
KILLS = int(os.environ.get("FLAME_KILLS", "50"))
KILLED = -9


class Checkpoints(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.place = self.folder / "checkpoints"
        self.count_file = self.folder / "calls"

    def writer(self, *words, **faults):
        environment = dict(os.environ)
        if faults:
            environment |= {"LD_PRELOAD": FAULTS, "FAULT_UNDER": str(self.place),
                            **{f"FAULT_{name.upper()}": str(value) for name, value in faults.items()}}
        return subprocess.run([WRITER, self.place, *map(str, words)], capture_output=True, text=True, check=False, env=environment)

    def newest(self):
        """Its step, after everything that is there was found whole and right."""
        run = self.writer("check")
        self.assertEqual(run.returncode, 0, run)
        newest, latest = map(int, run.stdout.split())
        self.assertIn(latest, (newest, newest - 1))
        return newest

    def each_call(self, kind, ever=False):
        """A save of step 4 with the fault at its first call, at its second, and so on; gives (call, run) after each."""
        self.assertEqual(self.writer("write", 3).returncode, 0)
        kept = self.folder / "kept"
        shutil.copytree(self.place, kept)
        self.assertEqual(self.writer("write", 1, count=self.count_file).returncode, 0)
        calls = int(self.count_file.read_text())
        self.assertGreater(calls, 40)
        for call in range(1, calls + 1):
            shutil.rmtree(self.place)
            shutil.copytree(kept, self.place)
            yield call, self.writer("write", 1, at=call, kind=kind, **({"ever": 1} if ever else {}))

    def goes_on(self):
        """The next process finds no leftovers, and saves."""
        before = self.newest()
        run = self.writer("write", 1)
        self.assertEqual(run.returncode, 0, run)
        self.assertEqual(self.newest(), before + 1)
        self.assertEqual(sorted(path.name for path in self.place.iterdir()),
                         ["latest", f"step-{before:06}", f"step-{before + 1:06}"])

    def check_kills(self, kind):
        for call, run in self.each_call(kind):
            with self.subTest(call=call):
                self.assertEqual(run.returncode, KILLED, run)
                self.assertIn(self.newest(), (3, 4))
                self.goes_on()

    def test_killed_before_any_call_leaves_an_old_or_a_new_one(self):
        self.check_kills("kill")

    def test_killed_after_any_call_leaves_an_old_or_a_new_one(self):
        self.check_kills("kill_after")

    def check_errors(self, kind, ever):
        failed = 0
        for call, run in self.each_call(kind, ever):
            with self.subTest(call=call):
                # What is only closed has its bytes on the disk already.
                self.assertIn(run.returncode, (0, 6), run)
                failed += run.returncode == 6
                if run.returncode == 6:
                    self.assertIn("checkpoints", run.stderr)
                self.assertIn(self.newest(), (3, 4) if run.returncode else (4,))
                self.goes_on()
        self.assertGreater(failed, 20)

    def test_a_full_disk_at_any_call_leaves_an_old_or_a_new_one(self):
        self.check_errors("ENOSPC", ever=False)

    def test_a_disk_that_stays_full_leaves_an_old_or_a_new_one(self):
        self.check_errors("ENOSPC", ever=True)

    def test_an_error_of_the_disk_at_any_call_leaves_an_old_or_a_new_one(self):
        self.check_errors("EIO", ever=False)

    def test_a_disk_that_is_gone_leaves_an_old_or_a_new_one(self):
        self.check_errors("EIO", ever=True)

    def test_short_writes_are_gone_on_with(self):
        for ever in (False, True):
            self.setUp()
            for call, run in self.each_call("short", ever):
                with self.subTest(call=call, ever=ever):
                    self.assertEqual(run.returncode, 0, run)
                    self.assertEqual(self.newest(), 4)

    def test_killed_at_random_moments_leaves_an_old_or_a_new_one(self):
        moments = random.Random(7)
        self.assertEqual(self.writer("write", 1).returncode, 0)
        saved = 1
        for number in range(KILLS):
            with subprocess.Popen([WRITER, self.place, "write", "1000000"], stdout=subprocess.PIPE, text=True) as process:
                process.stdout.readline()
                time.sleep(moments.uniform(0, 0.03))
                process.kill()
                told = [int(line) for line in process.stdout.read().split()]
            newest = self.newest()
            with self.subTest(number=number):
                self.assertGreater(newest, saved)
                if told:
                    self.assertIn(newest, (told[-1], told[-1] + 1))
            saved = newest
        self.goes_on()

    def test_everything_is_on_the_disk_before_it_gets_its_name(self):
        self.assertEqual(self.writer("write", 3).returncode, 0)
        log = self.folder / "log"
        self.assertEqual(self.writer("write", 1, log=log).returncode, 0)
        calls = [(name, str(pathlib.Path(path).relative_to(self.place))) for name, path in map(str.split, log.read_text().splitlines())]
        last = {call: number for number, call in enumerate(calls)}

        def flushed(file):
            """The file under its name, by way of one that has six letters more, from one without a name."""
            renamed = last["rename", file]
            linked, = (number for number, (name, path) in enumerate(calls) if name == "link" and path.startswith(file + "."))
            name, unnamed = calls[linked - 1]
            self.assertEqual(name, "from")
            order = [last["write", unnamed], last["fsync", unnamed], linked, renamed]
            self.assertEqual(order, sorted(order), calls)
            return renamed

        state, settings, manifest = (flushed(f".making/{name}") for name in ("state.safetensors", "pipeline.json", "manifest.json"))
        self.assertLess(state, settings)
        self.assertLess(settings, manifest)
        order = [manifest, last["fsync", ".making"], last["rename", "step-000004"]]
        first_flush = next(n for n, call in enumerate(calls) if call == ("fsync", ".") and n > order[-1])
        order += [first_flush, flushed("latest"), last["fsync", "."], last["rename", ".removing"]]
        self.assertEqual(order, sorted(order), calls)

    def test_too_little_room_is_said_before_anything_is_written(self):
        self.assertEqual(self.writer("write", 3).returncode, 0)
        run = self.writer("write", 1, free=300000)
        self.assertEqual(run.returncode, 6, run)
        self.assertIn("a checkpoint needs", run.stderr)
        self.assertIn("make room", run.stderr)
        self.assertFalse((self.place / ".making").exists())
        self.assertEqual(self.newest(), 3)

    def test_a_full_disk_and_a_read_only_one_say_what_to_do(self):
        self.assertEqual(self.writer("write", 3).returncode, 0)
        self.assertIn("make room", self.writer("write", 1, at=12, kind="ENOSPC", ever=1).stderr)
        self.assertIn("take a folder that you may use", self.writer("write", 1, at=1, kind="EROFS", ever=1).stderr)
        shutil.rmtree(self.place)
        run = self.writer("write", 1, at=1, kind="EACCES", ever=1)
        self.assertEqual(run.returncode, 6, run)
        self.assertIn("cannot make the folder: Permission denied", run.stderr)
        self.assertIn("take a folder that you may use", run.stderr)


if __name__ == "__main__":
    unittest.main()
