#!/usr/bin/env python3
"""What a training tells and leaves behind: progress, metrics, event files, the report, and the plan before it."""
import importlib.util
import json
import math
import pathlib
import shutil
import struct
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import browser  # noqa: E402
import lora_files  # noqa: E402
from in_folder import InFolder  # noqa: E402

TESTS = pathlib.Path(__file__).resolve().parents[1]
CAPTION = "<script>alert(1)</script> \"a\" & 'b' </td>"
STEPS = 6


def png(width, height, shade):
    rows = b"".join(b"\0" + bytes((shade * 31 + x * 3 + y * 5 + c * 60) % 256 for x in range(width) for c in range(3))
                    for y in range(height))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pipeline(run, **changes):
    sections = {
        "backend": {"use": "onednn", "precision": "f32", "threads": 1},
        "model": {"use": "sdxl", "weights": ["tiny.safetensors"], "config": "tiny"},
        "data": {"use": "image-folder", "path": "pictures", "resolution": 64, "bucket_step": 16, "min_bucket": 32, "validation": 2,
                 "index": "index", "cache": "features"},
        "adapter": {"use": "lora", "rank": 2, "layers": ["attention"]},
        "train": {"steps": STEPS, "batch": 2, "validate_every": 4, "optimizer": {"use": "adamw", "lr": 1e-2},
                  "schedule": {"use": "linear", "warmup": 2}},
    }
    for name, change in changes.items():
        sections.setdefault(name, {}).update(change)
    return json.dumps({"flame": 1, "run": run, **sections})  # JSON is YAML


class TrainingOut(InFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_small_models()
        (cls.folder / "pictures").mkdir()
        for i in range(8):
            size = (64, 64) if i % 2 else (96, 64)
            (cls.folder / f"pictures/{i}.png").write_bytes(png(*size, i))
            (cls.folder / f"pictures/{i}.txt").write_text(CAPTION)
        (cls.folder / "a.yaml").write_text(pipeline("a"))
        cls.run_a = cls.flamehost("run", "a.yaml")
        assert cls.run_a.returncode == 0, cls.run_a
        cls.results = cls.folder / "runs/a"

    def rows(self, run="a"):
        return [json.loads(line) for line in (self.folder / "runs" / run / "metrics.jsonl").read_text().splitlines()]

    def test_lines_that_go_to_a_pipe_steer_no_terminal(self):
        for text in (self.run_a.stdout, self.run_a.stderr):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\r", text)
        self.assertIn(f"step {STEPS} of {STEPS}, ", self.run_a.stdout)
        self.assertIn("report: runs/a/report.html\n", self.run_a.stdout)

    def test_every_step_is_measured_once(self):
        steps = [row for row in self.rows() if "loss" in row]
        self.assertEqual([row["step"] for row in steps], list(range(1, STEPS + 1)))
        for row in steps:
            self.assertGreater(row["loss"], 0)
            self.assertGreater(row["gradient_norm"], 0)
            self.assertGreater(row["seconds"], 0)
            self.assertGreater(row["memory_bytes"], 1 << 20)
        # Where the processor computes, none is heard of together with others.
        seconds = sorted(row["seconds"] for row in steps)
        self.assertGreater(seconds[0], seconds[STEPS // 2] / 20)
        rates = [row["learning_rate.denoiser"] for row in steps]
        self.assertEqual(rates[0], 0)
        self.assertAlmostEqual(rates[2], 1e-2)
        self.assertLess(rates[5], rates[3])
        weights = [0.98 ** (STEPS - 1 - i) for i in range(STEPS)]
        smoothed = sum(weight * row["loss"] for weight, row in zip(weights, steps)) / sum(weights)
        self.assertAlmostEqual(steps[-1]["smoothed"], smoothed, places=9)

    def test_held_out_pictures_are_measured_at_fixed_steps_and_noise(self):
        measured = {row["step"]: row["validation_loss"] for row in self.rows() if "validation_loss" in row}
        self.assertEqual(list(measured), [0, 4, STEPS])
        self.assertNotEqual(measured[0], measured[STEPS])
        # Before anything is learned, another seed and another rank measure the same.
        (self.folder / "b.yaml").write_text(pipeline("b", adapter={"rank": 3}, train={"steps": 2, "schedule": {"use": "constant"}}))
        run = self.flamehost("run", "b.yaml", "--set", "seed=99")
        self.assertEqual(run.returncode, 0, run)
        first = next(row for row in self.rows("b") if "validation_loss" in row)
        self.assertEqual(first["step"], 0)
        self.assertAlmostEqual(first["validation_loss"], measured[0], delta=1e-6 * measured[0])

    @unittest.skipUnless(importlib.util.find_spec("tensorboard"), "tensorboard is not installed")
    def test_tensorboard_reads_the_events(self):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        read = EventAccumulator(str(self.results))
        read.Reload()
        steps = [row for row in self.rows() if "loss" in row]
        events = read.Scalars("loss/raw")
        self.assertEqual([event.step for event in events], [row["step"] for row in steps])
        for event, row in zip(events, steps):
            self.assertAlmostEqual(event.value, row["loss"], delta=1e-6 * row["loss"])
            self.assertAlmostEqual(event.wall_time, row["time"], delta=1e-3)
        self.assertEqual([event.step for event in read.Scalars("loss/validation")], [0, 4, STEPS])
        self.assertLessEqual({"loss/smoothed", "learning_rate/denoiser", "gradient_norm", "step/seconds", "step/memory_bytes"},
                             set(read.Tags()["scalars"]))

    def test_a_run_that_goes_on_measures_no_step_twice(self):
        (self.folder / "c.yaml").write_text(pipeline("c", train={"checkpoint_every": 3, "schedule": {"use": "constant"}}))
        for steps in (3, STEPS):
            if steps == STEPS:  # as if it had been killed behind its last checkpoint
                with open(self.folder / "runs/c/metrics.jsonl", "a") as file:
                    file.write(json.dumps({"step": 4, "time": 1.5, "loss": 99.0}) + '\n{"step": 5, "ti')
            run = self.flamehost("run", "c.yaml", "--set", f"train.steps={steps}")
            self.assertEqual(run.returncode, 0, run)
        self.assertEqual([row["step"] for row in self.rows("c") if "loss" in row], list(range(1, STEPS + 1)))
        self.assertEqual([row["step"] for row in self.rows("c") if "validation_loss" in row], [0, 3, 4, STEPS])
        self.assertNotIn(99.0, [row.get("loss") for row in self.rows("c")])

    def test_a_lora_of_all_layers_has_those_that_every_program_reads(self):
        modules = {}
        for layers in ("all", "**"):
            parts = [{"role": role, "layers": [layers]} for role in ("text_encoder", "text_encoder_2")]
            (self.folder / "d.yaml").write_text(pipeline("d", adapter={"layers": [layers], "parts": parts}, train={"steps": 1, "schedule": {"use": "constant"}}))
            run = self.flamehost("run", "d.yaml", "--resume", "never", "--set", "export=[{use: comfyui-lora, path: d.safetensors, overwrite: true}]")
            self.assertEqual(run.returncode, 0, run)
            header, _ = lora_files.read(self.folder / "d.safetensors")
            modules[layers] = {key.removesuffix(".alpha") for key in header if key.endswith(".alpha")}
            self.assertIn(f"{len(modules[layers])} modules, {len(modules[layers])} of them known to other programs", run.stdout)
        self.assertEqual(modules["**"] - modules["all"], {"lora_unet_time_embed_0", "lora_unet_time_embed_2", "lora_unet_label_emb_0_0",
                                                          "lora_unet_label_emb_0_2", "lora_te2_text_projection"})
        self.assertFalse(modules["all"] - modules["**"])
        for name in ("lora_unet_input_blocks_0_0", "lora_unet_out_2", "lora_unet_input_blocks_1_0_emb_layers_1"):
            self.assertIn(name, modules["all"])

    def test_the_report_is_one_page_that_loads_nothing(self):
        page = (self.results / "report.html").read_text()
        for way in ("http:", "https:", "<script", "<link", "url(", "@import", "href="):
            self.assertNotIn(way, page)
        for part in ("class=\"chip finished\"", "norm of the gradient", "train.optimizer.lr", "org.flamehost.image-folder", "the prediction changed by"):
            self.assertIn(part, page)
        self.assertLess(len(page), 200_000)
        self.assertNotIn(str(self.folder), page)  # paths are from where the run was started
        self.assertIn("<code>data.path</code></td><td>pictures</td>", page)

    def test_the_report_is_made_again_with_pictures(self):
        for step in (0, STEPS):
            folder = self.results / f"samples/step-{step:06}"
            folder.mkdir(parents=True)
            for i in (1, 2):
                (folder / f"{i:03}.png").write_bytes(png(64, 64, step + i))
        run = self.flamehost("report", "a")
        self.assertEqual((run.returncode, run.stdout), (0, "runs/a/report.html\n"), run)
        page = (self.results / "report.html").read_text()
        self.assertEqual(page.count("src=\"data:image/png;base64,"), 4)
        self.assertIn("Before and after", page)
        shutil.rmtree(self.results / "samples")

    def test_a_run_that_is_not_there_is_named(self):
        run = self.flamehost("report", "nothing")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("nothing/run.json is not there", run.stderr)

    def test_a_browser_draws_the_page_and_asks_for_nothing(self):
        shutil.copytree(self.results, self.folder / "drawn")
        for step in (0, 3, STEPS):
            for i in range(1, 8):
                file = self.folder / f"drawn/samples/step-{step:06}/{i:03}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(png(192, 192, step + i))
        run = self.flamehost("report", "drawn")
        self.assertEqual(run.returncode, 0, run)
        page = self.folder / "drawn/report.html"
        self.assertLess(page.stat().st_size, 5_000_000)
        with browser.Browser() as chromium:
            chromium.open(page)
            asked = [each["request"]["url"] for each in chromium.told("Network.requestWillBeSent")]
            self.assertEqual([url for url in asked if not url.startswith("data:")], [page.as_uri()])
            self.assertEqual(chromium.told("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"), [])
            sizes = chromium.value("Promise.all([...document.images].map(i => i.decode().then(() => i.naturalWidth)))")
            self.assertEqual(sizes, [192] * 7 * 5)  # three rows, and the first and the last by themselves
            # Each curve takes room on the page.
            curves = chromium.value("[...document.querySelectorAll('svg .curve')].map(c => c.getBoundingClientRect().width > 100)")
            self.assertEqual(curves, [True] * 7)
            shots = {}
            for scheme in ("light", "dark"):
                for width in (380, 1240):
                    chromium.open(page, width, 1600, scheme)
                    self.assertLessEqual(chromium.value("document.documentElement.scrollWidth"), width)
                    shots[scheme, width] = chromium.picture()
                    self.assertGreater(len(shots[scheme, width]), 20_000)
            self.assertNotEqual(shots["light", 1240], shots["dark", 1240])

    def plan(self, *words):
        run = self.flamehost("plan", "plan.yaml", "--json", *words)
        return run, json.loads(run.stdout) if run.stdout else None

    def test_the_plan_is_what_the_run_takes_without_a_file_of_weights(self):
        # The measured memory, of the run with weights.
        taken = self.rows()[-2]["memory_bytes"]
        (self.folder / "plan.yaml").write_text(pipeline("a", model={"weights": ["not/there.safetensors"]}))
        run, plan = self.plan()
        self.assertEqual(run.returncode, 0, run)
        phases = {phase["name"]: phase for phase in plan["phases"]}
        planned = phases["training"]["total_bytes"]
        self.assertGreaterEqual(planned, taken)
        self.assertLessEqual(planned, 1.05 * taken)
        for phase in plan["phases"]:
            self.assertEqual(sum(phase["bytes"].values()), phase["total_bytes"])
        self.assertEqual(plan["peak_bytes"], max(phase["total_bytes"] for phase in plan["phases"]))
        self.assertGreater(len(plan["data"]["buckets"]), 1)
        self.assertEqual(sum(each["learned"] + each["held_out"] for each in plan["data"]["buckets"]), 8)
        for each in plan["times"]:
            self.assertTrue(math.isfinite(each["seconds"]) and each["seconds"] > 0, each)

    def test_the_plan_counts_the_pictures_beside_the_training(self):
        (self.folder / "plan.yaml").write_text(pipeline("d", train={"steps": 1, "schedule": {"use": "constant"}}, sample={
            "prompts": ["a"], "width": 64, "height": 64, "steps": 2, "guidance": 4}))
        run = self.flamehost("run", "plan.yaml")
        self.assertEqual(run.returncode, 0, run)
        taken = next(row["memory_bytes"] for row in self.rows("d") if "loss" in row)
        _, plan = self.plan()
        self.assertEqual(plan["peak_phase"], "pictures beside the training")
        self.assertGreaterEqual(plan["peak_bytes"], taken)
        self.assertLessEqual(plan["peak_bytes"], 1.05 * taken)
        page = (self.folder / "runs/d/report.html").read_text()
        self.assertEqual(page.count("src=\"data:image/png;base64,"), 2)

    def test_the_plan_says_how_captions_are_kept(self):
        for variants, said in ((1, "each is encoded once"), (8, "8 variants of each are encoded once"), (0, "drawn anew each time")):
            plan = self.flamehost("plan", "a.yaml", "--set", "data.shuffle_tags=true", "--set", f"data.caption_variants={variants}",
                                  "--set", "data.caption_dropout=0.1", "--set", "adapter.parts=[{role: text_encoder}]")
            self.assertEqual(plan.returncode, 0, plan)
            self.assertIn(f"captions: {said}", plan.stdout)
            self.assertIn("10 % of the examples are learned without one", plan.stdout)
            self.assertIn("in every step by what learns: text_encoder\n", plan.stdout)

    def test_what_cannot_fit_is_refused_with_the_table(self):
        (self.folder / "plan.yaml").write_text(pipeline("a"))
        run = self.flamehost("plan", "plan.yaml", "--device-memory", "1MiB")
        self.assertEqual(run.returncode, 4, run)
        for part in ("weights ", "activations", "in all"):
            self.assertIn(part, run.stdout)
        self.assertIn("more than the 1.0 MiB that are there", run.stderr)
        run = self.flamehost("plan", "plan.yaml", "--set", "backend.memory=1MiB")
        self.assertEqual(run.returncode, 4, run)
        self.assertIn("in all", run.stdout)
        self.assertIn("backend.memory allows 1.0 MiB", run.stderr)
        run = self.flamehost("plan", "plan.yaml", "--device-memory", "much")
        self.assertEqual(run.returncode, 2, run)
        self.assertIn("'much' is no size", run.stderr)

    def test_pictures_alone_are_planned_too(self):
        (self.folder / "plan.yaml").write_text(json.dumps({
            "flame": 1, "backend": {"use": "onednn", "precision": "f32"}, "model": {"use": "sdxl", "weights": ["x"], "config": "tiny"},
            "sample": {"prompts": ["a"], "width": 64, "height": 64}}))
        run, plan = self.plan()
        self.assertEqual(run.returncode, 0, run)
        self.assertEqual([phase["name"] for phase in plan["phases"]], ["pictures"])


if __name__ == "__main__":
    unittest.main()
