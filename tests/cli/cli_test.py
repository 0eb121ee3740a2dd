#!/usr/bin/env python3
"""The program from outside: exit codes, help, what goes to a pipe, and the shell's completion."""
import json
import os
import pathlib
import re
import pty
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["FLAMEHOST"]
GOOD = "flame: 1\nrun: nothing\n"


def flamehost(*words, stdin=None, env=None, cwd=None):
    return subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, text=True, check=False, env=env, cwd=cwd)


def commands():
    return [line.split() for line in flamehost("completion", "--words", "commands").stdout.splitlines()]


class Help(unittest.TestCase):
    def test_every_command_has_help(self):
        self.assertGreaterEqual(len(commands()), 9)
        for words in commands():
            run = flamehost(*words, "--help")
            self.assertEqual(run.returncode, 0, words)
            self.assertIn("--plugin-path", run.stdout, words)

    def test_help_lists_every_command(self):
        text = flamehost("--help").stdout
        for words in commands():
            self.assertIn(words[0], text)

    def test_no_words_print_the_help_and_fail(self):
        run = flamehost()
        self.assertEqual(run.returncode, 2)
        self.assertIn("validate", run.stdout)

    def test_version_is_printed(self):
        self.assertRegex(flamehost("--version").stdout, r"^flamehost \d+\.\d+\.\d+\n$")


class Mistakes(unittest.TestCase):
    def check(self, words, *parts):
        run = flamehost(*words)
        self.assertEqual(run.returncode, 2, run)
        self.assertEqual(run.stdout, "")
        for part in parts:
            self.assertIn(part, run.stderr)

    def test_unknown_command(self):
        self.check(["validat"], "unknown command 'validat'", "did you mean 'validate'?")

    def test_unknown_command_of_a_group(self):
        self.check(["plugins", "lst"], "unknown command 'lst'", "did you mean 'list'?")

    def test_unknown_option(self):
        self.check(["doctor", "--jsn"], "--jsn", "did you mean '--json'?")

    def test_missing_argument(self):
        self.check(["validate"], "FILE")

    def test_wrong_choice(self):
        self.check(["doctor", "--log-level", "loud"], "loud")

    def test_missing_file(self):
        run = flamehost("validate", "/nowhere/x.yaml")
        self.assertEqual(run.returncode, 6)
        self.assertIn("/nowhere/x.yaml: cannot open", run.stderr)


class Output(unittest.TestCase):
    def test_a_pipe_gets_no_escape_and_no_carriage_return(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = pathlib.Path(folder) / "bad.yaml"
            bad.write_text("flame: 1\nrnu: x\n")
            for words in (["doctor"], ["plugins", "list"], ["validate", str(bad)], ["schema"], ["--help"]):
                run = subprocess.run([PROGRAM, *words], capture_output=True, check=False)
                self.assertNotIn(b"\x1b", run.stdout + run.stderr, words)
                self.assertNotIn(b"\r", run.stdout + run.stderr, words)

    def test_a_terminal_gets_colour_unless_it_asks_not_to(self):
        def on_terminal(**extra):
            main, other = pty.openpty()
            environment = {**os.environ, "TERM": "xterm", **extra}
            environment.pop("NO_COLOR", None) if "NO_COLOR" not in extra else None
            subprocess.run([PROGRAM, "validat"], stdin=other, stdout=other, stderr=other, env=environment, check=False)
            os.close(other)
            text = b""
            try:
                while chunk := os.read(main, 4096):
                    text += chunk
            except OSError:
                pass
            os.close(main)
            return text

        self.assertIn(b"\x1b[", on_terminal())
        self.assertNotIn(b"\x1b", on_terminal(NO_COLOR="1"))
        self.assertNotIn(b"\x1b", on_terminal(TERM="dumb"))

    def test_json_log_has_one_object_a_line(self):
        run = flamehost("validate", "/nowhere\n/x.yaml", "--log-format", "json")
        lines = run.stderr.splitlines()
        self.assertEqual(len(lines), 1, run.stderr)
        event = json.loads(lines[0])
        self.assertEqual(event["level"], "error")
        self.assertIn("/nowhere", event["message"])

    def test_log_level_off_is_silent(self):
        self.assertEqual(flamehost("validate", "/nowhere/x.yaml", "--log-level", "off").stderr, "")

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run([PROGRAM, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(run.returncode, 6)
        self.assertIn("standard output", run.stderr)


class Doctor(unittest.TestCase):
    def test_json_has_everything_that_a_bug_report_needs(self):
        report = json.loads(flamehost("doctor", "--json").stdout)
        for key in ("flamehost", "abi", "processor", "memory", "devices", "plugins", "plugin_folders", "libraries", "findings"):
            self.assertIn(key, report)
        self.assertGreater(report["memory"]["total_bytes"], 0)
        self.assertTrue(all(len(library["sha256"]) == 64 for library in report["libraries"]))

    def test_a_loader_variable_is_named(self):
        run = flamehost("doctor", env={**os.environ, "LD_LIBRARY_PATH": "/nowhere"})
        self.assertEqual(run.returncode, 0)
        self.assertIn("LD_LIBRARY_PATH=/nowhere is set", run.stdout)

    def test_a_broken_manifest_is_named_with_its_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "bad.flame.json").write_text("{")
            run = flamehost("doctor", "--plugin-path", folder)
            self.assertEqual(run.returncode, 0)
            self.assertIn("bad.flame.json:1:", run.stdout)


class Docs(unittest.TestCase):
    def test_the_reference_of_the_pipeline_is_what_the_tables_say(self):
        with tempfile.TemporaryDirectory() as home:  # without the plugins of the user
            run = flamehost("schema", "--markdown", env={"HOME": home})
        page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "pipeline-reference.md"
        text = page.read_text()
        cuda = "### backend `cuda`"
        if cuda not in run.stdout:  # built only where CUDA's headers are
            text = re.sub(cuda + r".*?(?=^##)", "", text, flags=re.DOTALL | re.MULTILINE)
        self.assertEqual(text, run.stdout, "run: flamehost schema --markdown > docs/pipeline-reference.md")


class Crosscheck(unittest.TestCase):
    PROGRAM = {
        "format": "flamehost-program/1",
        "inputs": [{"name": "x", "value": 1, "type": "f32[3, 4]"}],
        "parameters": [],
        "nodes": [{"op": "map", "inputs": [1], "outputs": [2], "types": ["f32[3, 4]"], "attributes": {"code": "gelu x0"},
                   "scope": "", "file": "m.cc", "line": 3}],
        "outputs": [{"name": "y", "value": 2, "type": "f32[3, 4]"}],
    }

    def crosscheck(self, *words):
        return flamehost("crosscheck", "--candidate", "reference", *words)

    def test_ops_print_a_table_and_write_json(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "ops.json"
            run = self.crosscheck("--ops", "fill,iota", "--quick", "--json", str(file))
            self.assertEqual(run.returncode, 0, run)
            self.assertRegex(run.stdout, r"(?m)^fill +\d+ +0 +0 ")
            results = json.loads(file.read_text())
            self.assertEqual([op["op"] for op in results["ops"]], ["fill", "iota"])
            self.assertEqual(results["total"]["failed"], 0)
            self.assertGreater(results["total"]["cases"], 20)

    def test_a_program_is_compared_whole_and_op_by_op(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "program.json"
            program.write_text(json.dumps(self.PROGRAM))
            whole = self.crosscheck(str(program), "--seed", "3")
            self.assertEqual(whole.returncode, 0, whole)
            self.assertIn("the backends agree", whole.stdout)
            lockstep = self.crosscheck(str(program), "--lockstep")
            self.assertEqual(lockstep.returncode, 0, lockstep)
            self.assertIn("1 ops agree", lockstep.stdout)

    def test_threads_go_to_backends_that_have_them(self):
        run = flamehost("crosscheck", "--ops", "fill", "--quick", "--candidate", "onednn", "--threads", "1")
        self.assertEqual(run.returncode, 0, run)
        for words, text in ((["--candidate", "reference", "--threads", "1"], "no backend here has a number of threads"),
                            (["--candidate", "onednn", "--threads", "many"], "threads"),
                            (["--candidate", "onednn", "--threads", "5000"], "1024")):
            run = flamehost("crosscheck", "--ops", "fill", "--quick", *words)
            self.assertEqual(run.returncode, 2, run)
            self.assertIn(text, run.stderr)

    def test_auto_says_what_it_takes_and_why(self):
        run = flamehost("crosscheck", "--ops", "fill", "--quick", "--candidate", "auto")
        self.assertEqual(run.returncode, 0, run)
        self.assertRegex(run.stderr, r"backend auto takes (cuda: |onednn: .*; not cuda: )")

    def test_determinism_stands_among_a_backends_options(self):
        run = flamehost("crosscheck", "--ops", "fill", "--quick", "--candidate", "onednn:threads=1,determinism=strict")
        self.assertEqual(run.returncode, 0, run)
        run = flamehost("crosscheck", "--ops", "fill", "--quick", "--candidate", "onednn:determinism=loose")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("expected fast or strict", run.stderr)

    def test_one_type_is_compared_where_the_reference_has_no_f64(self):
        run = flamehost("crosscheck", "--ops", "matmul", "--quick", "--reference", "onednn", "--candidate", "onednn",
                        "--dtype", "f32")
        self.assertEqual(run.returncode, 0, run)
        self.assertRegex(run.stdout, r"(?m)^matmul +[1-9]\d* +\d+ +0 ")
        run = self.crosscheck("--ops", "fill", "--dtype", "f31")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("f31", run.stderr)

    def test_what_cannot_be_compared_is_refused(self):
        for words in ([], ["--ops", "no_such_op"], ["/nowhere/program.json", "--ops", "fill"], ["/nowhere/p.json", "--seed", "x"]):
            self.assertEqual(self.crosscheck(*words).returncode, 2, words)


class Completion(unittest.TestCase):
    def complete(self, line):
        script = flamehost("completion", "bash").stdout
        words = line.split(" ")
        quoted = " ".join(f"'{word}'" for word in words)
        program = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _flamehost; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        path = f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}"
        run = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path})
        return run.stdout.split()

    def test_first_word(self):
        self.assertEqual(self.complete("flamehost doc"), ["doctor"])
        self.assertIn("plugins", self.complete("flamehost "))

    def test_word_of_a_group(self):
        self.assertIn("inspect", self.complete("flamehost plugins "))

    def test_options_of_a_command(self):
        self.assertIn("--json", self.complete("flamehost plugins list --"))

    def test_choices_of_an_option(self):
        self.assertEqual(self.complete("flamehost doctor --log-level warn"), ["warning"])

    def test_folders(self):
        self.assertIn("/usr", self.complete("flamehost doctor --plugin-path /us"))

    def test_choices_of_an_argument(self):
        self.assertEqual(self.complete("flamehost completion zs"), ["zsh"])

    def test_settings_come_from_the_tables(self):
        self.assertIn("train.steps=", self.complete("flamehost validate x.yaml --set train.st"))

    def test_every_script_is_accepted_by_its_shell(self):
        for shell in ("bash", "zsh", "fish"):
            script = flamehost("completion", shell)
            self.assertEqual(script.returncode, 0)
            self.assertIn("flamehost", script.stdout)
        subprocess.run(["bash", "-n"], input=flamehost("completion", "bash").stdout, text=True, check=True)


if __name__ == "__main__":
    unittest.main()
