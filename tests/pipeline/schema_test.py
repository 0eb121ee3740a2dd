#!/usr/bin/env python3
"""The generated JSON Schema beside an independent validator: both must take and refuse the same files."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

import sample_installation

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a schema cannot see, because another YAML reader has made a value of it before.
ONLY_TEXT_TELLS = re.compile(r"is not .*(leading zeros|numbers are decimal|without '\.' or exponent|64 bits|write (true|false)"
                             r"|without quotes|no fraction|sign)")


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core types, as editors read them: `no` is text, 010 is ten."""

    yaml_implicit_resolvers = {}


def resolve(tag, pattern, make):
    CoreLoader.add_implicit_resolver(tag, re.compile(pattern), None)
    CoreLoader.add_constructor(tag, lambda loader, node: make(loader.construct_scalar(node)))


resolve("core:null", r"^(~|null|Null|NULL|)$", lambda text: None)
resolve("core:bool", r"^(true|True|TRUE|false|False|FALSE)$", lambda text: text.lower() == "true")
resolve("core:int", r"^[-+]?[0-9]+$", int)
resolve("core:hex", r"^0x[0-9a-fA-F]+$", lambda text: int(text, 16))
resolve("core:float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", float)
resolve("core:not_finite", r"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", lambda text: text)


def load(text):
    """What another program sees in the file, or None if it sees no YAML."""
    try:
        documents = list(yaml.load_all(text, CoreLoader))
    except yaml.YAMLError:
        return None
    return documents[0] if len(documents) == 1 else None


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.installation = sample_installation.Installation()
        cls.pipelines = sample_installation.pipelines()
        run = cls.installation.run("schema")
        assert run.returncode == 0, run.stderr
        cls.schema = json.loads(run.stdout)
        cls.validator = jsonschema.Draft7Validator(cls.schema)

    @classmethod
    def tearDownClass(cls):
        cls.installation.close()
        cls.folder.cleanup()

    def verdicts(self, texts):
        """The report of `flamehost validate --json` for each text."""
        files = []
        for number, text in enumerate(texts):
            path = pathlib.Path(self.folder.name, f"{number}.yaml")
            path.write_text(text, newline="")
            files.append(str(path))
        run = self.installation.run("validate", "--json", *files)
        return json.loads(run.stdout)["files"]

    def faults(self, document):
        return [error.message for error in self.validator.iter_errors(document)]

    def test_schema_is_draft_7_itself(self):
        self.assertEqual(self.schema["$schema"], "http://json-schema.org/draft-07/schema#")
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_every_key_has_a_description(self):
        def look(schema, path):
            for name, inner in schema.get("properties", {}).items():
                with self.subTest(path + [name]):
                    if inner is not True:
                        self.assertTrue("description" in inner or "$ref" in inner, inner)
        for name, definition in self.schema["definitions"].items():
            self.assertIn("description", definition, name)
            look(definition, [name])
        look(self.schema, [])

    def test_the_right_file_is_taken_by_both(self):
        text = self.pipelines["right"]
        self.assertEqual(self.faults(load(text)), [])
        self.assertTrue(self.verdicts([text])[0]["valid"])

    def test_both_refuse_the_same_files(self):
        wrong = self.pipelines["wrong"]
        compared = 0
        for mutant, verdict in zip(wrong, self.verdicts([mutant["text"] for mutant in wrong])):
            document = load(mutant["text"])
            found = [d for d in verdict["diagnostics"] if d["severity"] == "error"]
            syntax = any(d["code"] == "syntax" for d in found)
            hidden = all(ONLY_TEXT_TELLS.search(d["message"]) for d in found)
            if document is None or syntax or hidden:
                continue
            compared += 1
            with self.subTest(kind=mutant["kind"], errors=[d["message"] for d in found]):
                self.assertFalse(verdict["valid"])
                self.assertNotEqual(self.faults(document), [])
        self.assertGreater(compared, 200)

    def test_both_take_the_same_values(self):
        start = "flame: 1\n"
        texts = [
            start,
            start + "run: 42\nseed: 0\n",
            start + "backend: {precision: tf32, memory: 1.5GB}\n",
            start + "backend: {memory: 4194304}\n",
            start + "backend: {memory: '22GiB', use: cuda, device: 1, timeout: .5h}\n",
            start + "backend: {use: org.flamehost.onednn/onednn, threads: 4}\n",
            start + "model: {use: sdxl, weights: no, min_snr: 5}\n",
            start + "data: {use: image-folder, path: 1024, buckets: 512, dropout: 1}\n",
            start + "data: {use: image-folder, path: a, buckets: [], captions: ''}\n",
            start + "adapter: {use: lora, include: [a, 1, true], exclude: b}\n",
            start + "train: {steps: 1, clip: 0, optimizer: {use: adamw, lr: 1E-4, eps: .5}}\n",
            start + "train: {steps: +1, optimizer: {use: lion}, schedule: {warmup: 3}}\n",
            start + "train: {steps: 1, optimizer: {use: lion}, schedule: {use: rex, final: 0}}\n",
            start + "sample: {prompts: yes}\nexport: []\n",
            start + "plugins: {}\n",
        ]
        for text, verdict in zip(texts, self.verdicts(texts)):
            with self.subTest(text):
                self.assertTrue(verdict["valid"], verdict["diagnostics"])
                self.assertEqual(self.faults(load(text)), [])

    def test_both_refuse_the_same_values(self):
        start = "flame: 1\n"
        texts = [
            "run: x\n",
            start + "run: null\n",
            start + "backend: {memory: 1KB}\n",
            start + "backend: {memory: 22}\n",
            start + "backend: {device: 1}\n",
            start + "backend: {use: onednn, device: 1}\n",
            start + "model: {use: sdxl, weights: ~/x}\n",
            start + "model: {use: sdxl, weights: ''}\n",
            start + "model: {}\n",
            start + "data: {use: image-folder, path: a, buckets: [32]}\n",
            start + "train: {steps: 1}\n",
            start + "train: {steps: 1, optimizer: {use: adamw, lr: -1}}\n",
            start + "train: {steps: 1, optimizer: {use: lion}, schedule: {power: 2}}\n",
            start + "sample: {prompts: []}\n",
            start + "export: {use: comfyui-lora, path: x}\n",
            start + "export: [{use: comfyui-lora}]\n",
            start + "plugins: 3\n",
            "- flame\n",
            "",
        ]
        for text, verdict in zip(texts, self.verdicts(texts)):
            with self.subTest(text):
                self.assertFalse(verdict["valid"])
                self.assertNotEqual(self.faults(load(text)), [])

    def test_a_part_of_the_schema_stands_alone(self):
        run = self.installation.run("schema", "train", "--json")
        part = json.loads(run.stdout)
        jsonschema.Draft7Validator.check_schema(part)
        right = {"steps": 1, "optimizer": {"use": "adamw"}}
        self.assertTrue(jsonschema.Draft7Validator(part).is_valid(right))
        self.assertFalse(jsonschema.Draft7Validator(part).is_valid({"steps": 0}))
        self.assertNotIn("model", part["definitions"])

    def test_every_template_is_taken_by_both(self):
        for line in self.installation.run("init", "--list").stdout.splitlines():
            name = line.split()[0]
            with self.subTest(name):
                run = self.installation.run("init", name, "--output", "-")
                self.assertEqual(run.stderr, "")
                self.assertTrue(self.verdicts([run.stdout])[0]["valid"])
                self.assertEqual(self.faults(load(run.stdout)), [])


class Configs(unittest.TestCase):
    """Each with the installed plugins and those of sdk/template."""

    FILES = sorted((ROOT / "configs").glob("**/*.yaml"))
    PLUGINS = ["--plugin-path", os.environ["FLAME_TEMPLATE_FOLDER"]]

    def test_every_file_in_configs_is_valid(self):
        self.assertTrue(self.FILES)
        run = subprocess.run([os.environ["FLAMEHOST"], "validate", *self.FILES, *self.PLUGINS], check=False, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_every_file_in_configs_is_taken_by_the_schema(self):
        printed = subprocess.run([os.environ["FLAMEHOST"], "schema", *self.PLUGINS], check=True, capture_output=True).stdout
        validator = jsonschema.Draft7Validator(json.loads(printed))
        for path in self.FILES:
            with self.subTest(path.name):
                self.assertEqual([e.message for e in validator.iter_errors(load(path.read_text()))], [])


if __name__ == "__main__":
    unittest.main()
