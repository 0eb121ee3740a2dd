#!/usr/bin/env python3
"""validate, schema and init from outside, with plugins that are manifests alone."""
import json
import pathlib
import tempfile
import unittest

import sample_installation

WRONG = "flame: 1\ntrain:\n  stesp: 10\n  optimizer: {use: adamw, lr: -1}\nrun: [x]\n"


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.installation = sample_installation.Installation()
        cls.right = sample_installation.pipelines()["right"]

    @classmethod
    def tearDownClass(cls):
        cls.installation.close()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, text, name="p.yaml"):
        path = pathlib.Path(self.folder.name, name)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run_command(self, *words):
        return self.installation.run(*words, cwd=self.folder.name)


class Validate(Command):
    def test_a_right_file_needs_neither_weights_nor_libraries(self):
        run = self.run_command("validate", self.file(self.right))
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
        self.assertRegex(run.stdout, r"p\.yaml: ok; enough to train and sample and export\n$")

    def test_every_error_is_shown_at_its_place_and_the_exit_code_is_2(self):
        run = self.run_command("validate", self.file(WRONG))
        self.assertEqual(run.returncode, 2)
        self.assertIn("p.yaml:3:3: error: unknown key 'stesp' in 'train'\n"
                      "    3 |   stesp: 10\n"
                      "      |   ^~~~~\n"
                      "  did you mean 'steps'?\n"
                      "  see: flamehost schema train\n", run.stdout)
        self.assertIn("p.yaml:4:31: error: 'train.optimizer.lr': '-1' is not a number of 0 or more\n", run.stdout)
        self.assertIn("p.yaml:5:6: error: 'run' is a list\n", run.stdout)
        self.assertRegex(run.stdout, r"p\.yaml: 3 errors\n$")
        self.assertNotIn("\x1b", run.stdout)
        self.assertNotIn("\r", run.stdout)

    def test_every_file_is_checked(self):
        run = self.run_command("validate", self.file(WRONG, "a.yaml"), self.file(self.right, "b.yaml"))
        self.assertEqual(run.returncode, 2)
        self.assertIn("a.yaml: 3 errors", run.stdout)
        self.assertIn("b.yaml: ok", run.stdout)

    def test_a_file_that_cannot_be_read_is_a_storage_failure(self):
        run = self.run_command("validate", "nowhere.yaml")
        self.assertEqual(run.returncode, 6)
        self.assertIn("nowhere.yaml", run.stderr)

    def test_what_the_sections_are_enough_for_is_said(self):
        run = self.run_command("validate", self.file("flame: 1\nmodel: {use: flux, weights: x}\nsample: {prompts: a}\n"))
        self.assertIn("ok; enough to sample; to train add data, adapter, train; to export add adapter, export",
                      run.stdout)

    def test_overrides_are_checked_alike(self):
        path = self.file(self.right)
        self.assertEqual(self.run_command("validate", path, "--set", "train.steps=3").returncode, 0)
        run = self.run_command("validate", path, "--set", "train.steps=many")
        self.assertEqual(run.returncode, 2)
        self.assertIn("--set train.steps=many:1:13: error: 'train.steps': 'many' is not a whole number", run.stdout)
        self.assertIn("    1 | train.steps=many\n      |             ^~~~\n", run.stdout)

    def test_json_is_for_programs(self):
        run = self.run_command("validate", "--json", self.file(WRONG))
        self.assertEqual(run.returncode, 2)
        report = json.loads(run.stdout)
        self.assertFalse(report["valid"])
        [entry] = report["files"]
        self.assertEqual([(d["line"], d["column"], d["code"]) for d in entry["diagnostics"]],
                         [(3, 3, "unknown-key"), (4, 31, "bad-value"), (5, 6, "bad-value")])
        self.assertEqual(entry["diagnostics"][0]["suggestions"], ["steps"])
        self.assertEqual(entry["missing"]["sample"], ["model", "sample"])


class Schema(Command):
    def test_a_component_has_a_page(self):
        run = self.run_command("schema", "optimizer.adamw")
        self.assertEqual(run.returncode, 0)
        self.assertIn("eps: a number above 0, default 1e-8", run.stdout)

    def test_an_unknown_name_is_answered_with_the_nearest(self):
        run = self.run_command("schema", "optimizer.adamv")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("did you mean 'optimizer.adamw'?", run.stderr)


class Init(Command):
    def test_the_file_that_it_writes_is_right(self):
        self.assertEqual(self.run_command("init", "sdxl-lora").returncode, 0)
        run = self.run_command("validate", "sdxl-lora.yaml")
        self.assertIn("enough to train and sample and export", run.stdout)

    def test_no_file_is_overwritten(self):
        path = self.file("mine")
        for target in (path, self.folder.name):
            run = self.run_command("init", "sdxl-lora", "--output", target)
            self.assertEqual(run.returncode, 6)
            self.assertIn("exists already", run.stderr)
        self.assertEqual(pathlib.Path(path).read_text(encoding="utf-8"), "mine")

    def test_a_link_that_leads_nowhere_is_not_followed(self):
        link = pathlib.Path(self.folder.name, "link.yaml")
        link.symlink_to("nowhere.yaml")
        self.assertEqual(self.run_command("init", "sdxl-lora", "--output", str(link)).returncode, 6)
        self.assertFalse(pathlib.Path(self.folder.name, "nowhere.yaml").exists())

    def test_an_unknown_template_is_answered_with_the_nearest(self):
        run = self.run_command("init", "sdxl-lore")
        self.assertEqual(run.returncode, 2)
        self.assertIn("did you mean 'sdxl-lora'?", run.stderr)

    def test_what_is_not_installed_is_said_and_commented_out(self):
        self.installation.remove_plugin("flux")
        run = self.run_command("init", "flux-lora")
        self.assertEqual(run.returncode, 0)
        self.assertIn("the model 'flux' is not installed", run.stderr)
        run = self.run_command("validate", "flux-lora.yaml")
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("to train add model", run.stdout)


if __name__ == "__main__":
    unittest.main()
