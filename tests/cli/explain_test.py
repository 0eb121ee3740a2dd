#!/usr/bin/env python3
"""`flamehost explain` from outside: what each pass leaves, in text, JSON and dot, and what is refused."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["FLAMEHOST"]


def flamehost(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)


def node(op, inputs, output, shape, scope, **attributes):
    return {"op": op, "inputs": inputs, "outputs": [output], "types": [shape], "attributes": attributes,
            "scope": scope, "file": "model.cc", "line": 7}


def parameter(name, value, shape):
    return {"name": name, "value": value, "type": shape, "trainable": True}


def two_layers():
    """The mean square of two linear layers with silu between."""
    return {
        "format": "flamehost-program/1",
        "inputs": [{"name": "x", "value": 1, "type": "f32[4, 8]"}],
        "parameters": [parameter("block.0.to_q.weight", 2, "f32[8, 8]"),
                       parameter("block.1.to_q.weight", 3, "f32[8, 8]")],
        "nodes": [node("linear", [1, 2], 4, "f32[4, 8]", "block.0"),
                  node("map", [4], 5, "f32[4, 8]", "block.0", code="silu x0"),
                  node("map", [5], 6, "f32[4, 8]", "block.0", code="mul x0 2.0"),
                  node("linear", [6, 3], 7, "f32[4, 8]", "block.1"),
                  node("map", [7], 8, "f32[4, 8]", "block.1", code="square x0"),
                  node("reduce", [8], 9, "f32[]", "", kind="mean", axes=[0, 1])],
        "outputs": [{"name": "loss", "value": 9, "type": "f32[]"}],
    }


class Explain(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = self.write("program.json", json.dumps(two_layers()))

    def write(self, name, text):
        file = pathlib.Path(self.folder.name) / name
        file.write_text(text)
        return str(file)

    def explain(self, *words, file=None):
        backend = [] if "--backend" in words else ["--backend", "reference"]
        run = flamehost("explain", file or self.file, *backend, *words)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def refuse(self, code, words, *parts, file=None):
        run = flamehost("explain", file or self.file, *words)
        self.assertEqual(run.returncode, code, run)
        self.assertEqual(run.stdout, "")
        for part in parts:
            self.assertIn(part, run.stderr)

    def headings(self, text):
        return re.findall(r"^== ([a-z ]+):", text, re.MULTILINE)

    def test_shows_the_passes_that_are_always_made(self):
        text = self.explain()
        self.assertEqual(self.headings(text), ["given", "simplify", "fuse", "place"])
        self.assertIn("linear(%1, %2)", text)
        self.assertIn("arena", text)

    def test_shows_every_pass_that_is_asked_for(self):
        text = self.explain("--adapt", "to_q rank=2", "--of", "loss", "--precision", "bf16", "--memory", "1GiB")
        self.assertEqual(self.headings(text), ["given", "adapt", "simplify", "differentiate", "precision", "fuse",
                                               "recompute", "place"])
        self.assertIn('trainable parameter "block.0.to_q.lora_down.weight" : f32[2, 8]', text)
        self.assertIn("gradient.block.1.to_q.lora_up.weight", text)
        self.assertIn("bf16[4, 8]", text)

    def test_one_pass_is_shown_before_and_after(self):
        text = self.explain("--pass", "fuse")
        self.assertEqual(self.headings(text), ["before fuse", "after fuse"])
        before, after = text.split("== after")
        self.assertGreater(before.count("= map("), after.count("= map("))

    def test_inserted_copies_are_marked(self):
        program = two_layers()
        program["nodes"] = [node("permute", [2], 4, "f32[8, 8]", "block.0", axes=[1, 0]),
                            node("linear", [1, 4], 5, "f32[4, 8]", "block.0")]
        program["outputs"] = [{"name": "y", "value": 5, "type": "f32[4, 8]"},
                              {"name": "w", "value": 4, "type": "f32[8, 8]"}]
        file = self.write("permuted.json", json.dumps(program))
        self.assertIn("inserted copy(", self.explain("--pass", "place", file=file))

    def test_json_reads_back(self):
        passes = json.loads(self.explain("--format", "json", "--of", "loss"))["passes"]
        self.assertEqual([entry["name"] for entry in passes],
                         ["given", "simplify", "differentiate", "fuse", "place"])
        file = self.write("again.json", json.dumps(passes[2]["program"]))
        again = json.loads(self.explain("--format", "json", file=file))["passes"][0]["program"]
        self.assertEqual(again, passes[2]["program"])
        self.assertGreater(passes[-1]["placed"]["arena_bytes"], 0)

    def test_grep_keeps_the_lines_that_hold_the_text(self):
        text = self.explain("--grep", "block.1")
        lines = [line for line in text.splitlines() if line and not line.startswith("==")]
        self.assertTrue(lines)
        self.assertTrue(all("block.1" in line for line in lines), text)
        passes = json.loads(self.explain("--grep", "block.1", "--format", "json"))["passes"]
        self.assertTrue(all(entry["scope"] == "block.1" for entry in passes[0]["program"]["nodes"]))

    def test_dot_is_a_graph_of_each_pass(self):
        text = self.explain("--format", "dot")
        self.assertEqual(text.count("digraph program {"), 3)
        self.assertNotIn("silu", self.explain("--format", "dot", "--grep", "in block.1", "--pass", "simplify"))

    def test_a_backend_can_be_named(self):
        self.assertIn("taken apart", self.explain("--backend", "reference", "--pass", "fuse"))
        self.refuse(3, ["--backend", "referense"], "referense", "reference")

    def test_wrong_requests_say_what_to_do(self):
        self.refuse(2, ["--pass", "adapt", "--backend", "reference"], "nothing to do here", "--adapt")
        self.refuse(2, ["--pass", "fusion"], "fusion")
        self.refuse(2, ["--adapt", "to_k", "--pass", "adapt"], "to_k", "did you mean 'to_q'?")
        self.refuse(2, ["--adapt", "to_q rnk=2"], "did you mean 'rank'?")
        self.refuse(2, ["--with-respect-to", "x"], "--of")
        self.refuse(2, ["--memory", "lots"], "--memory", "lots")
        self.refuse(2, ["--size", "batch=1"], "is for a pipeline")

    def test_what_was_done_before_a_failure_is_shown(self):
        run = flamehost("explain", self.file, "--backend", "reference", "--of", "loss", "--memory", "100B")
        self.assertEqual(run.returncode, 4, run)
        self.assertEqual(self.headings(run.stdout), ["given", "simplify", "differentiate", "fuse"])
        self.assertIn("more than the 100 allowed", run.stderr)

    def test_a_damaged_program_names_the_node(self):
        program = two_layers()
        program["nodes"][1]["attributes"]["code"] = "silly x0"
        file = self.write("damaged.json", json.dumps(program))
        self.refuse(2, [], "damaged.json: node 1 (map)", "silly", file=file)
        self.refuse(6, [], "nowhere.json", file="nowhere.json")

    def test_a_pipeline_without_a_model_says_so(self):
        file = self.write("run.yaml", "flame: 1\nrun: nothing\n")
        self.refuse(2, [], "model", file=file)


PIPELINE = """flame: 1
run: small
backend: {use: reference, precision: bf16}
model: {use: example-mlp, hidden: [8]}
adapter:
  use: lora
  rank: 2
  layers: ["layers.*", "!layers.1"]
"""


class ExplainPipeline(unittest.TestCase):
    def explain(self, *words, text=PIPELINE):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "run.yaml"
            file.write_text(text)
            return flamehost("explain", str(file), "--plugin-path", os.environ["FLAME_TEMPLATE_FOLDER"], *words)

    def test_the_model_builds_its_program_without_weights(self):
        run = self.explain("--size", "batch=3")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(re.findall(r"^== ([a-z ]+):", run.stdout, re.MULTILINE),
                         ["given", "adapt", "simplify", "precision", "fuse", "place"])
        self.assertIn('trainable parameter "layers.0.lora_up.weight" : f32[8, 2]', run.stdout)
        self.assertNotIn("layers.1.lora", run.stdout)
        self.assertIn("bf16[3, 8]", run.stdout)

    def test_presets_are_the_layers_that_a_run_would_adapt(self):
        run = self.explain("--size", "batch=3", text=PIPELINE.replace('"layers.*", "!layers.1"', "all-linear"))
        self.assertEqual(run.returncode, 0, run.stderr)
        for layer in ("layers.0", "layers.1"):
            self.assertIn(f'trainable parameter "{layer}.lora_up.weight"', run.stdout)
        run = self.explain("--size", "batch=3", "--adapt", "attention")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("the pattern 'attention' means no layer", run.stderr)

    def test_what_the_model_lacks_is_told_with_the_option_that_gives_it(self):
        run = self.explain()
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("'batch' is missing", run.stderr)
        self.assertIn("--size batch=1", run.stderr)
        run = self.explain("--program", "mpl", "--size", "batch=1")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("did you mean 'mlp'?", run.stderr)

    def test_a_wrong_pipeline_is_told_as_validate_tells_it(self):
        run = self.explain(text=PIPELINE.replace("rank: 2", "rnak: 2"))
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("rnak", run.stderr)


if __name__ == "__main__":
    unittest.main()
