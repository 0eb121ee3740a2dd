"""What `plan` says beside what the device's memory shows."""

import json
import re

from full import full_files
from harness import BACKEND, MIB, SCRATCH, quickstart_folder, run, say, settings


def planned(name, folder, file, *words):
    text, _, _ = run(name, "plan", file, "--json", *words, folder=folder, check=False)
    begin = text.find("{")
    if begin < 0:
        return None
    return json.JSONDecoder().raw_decode(text[begin:])[0]


def compare_memory(name, folder, file, *words):
    plan = planned(f"memory-{name}-plan", folder, file, *words)
    trains = re.search(r'^train:|"train": ', (folder / file).read_text(), re.M)
    again = ["--resume", "never"] if trains else []
    text, _, watch = run(f"memory-{name}", "run", file, *again, *words, folder=folder, watch=True)
    if not plan:
        return say(f"memory, {name}: no plan")
    context = plan.get("context_bytes") or 0
    peak = plan["peak_bytes"] + context
    phases = "; ".join(f"{phase['name']} {phase['total_bytes'] / MIB:.1f}" for phase in plan["phases"])
    say(f"memory, {name}: planned {plan['peak_bytes'] / MIB:.1f} MiB ({phases}) and {context / MIB:.1f} of context = {peak / MIB:.1f}, "
        f"taken {watch.most(1) / MIB:.1f} MiB: {100 * peak / max(watch.most(1), 1):.2f} %")
    return None


def memory():
    folder = quickstart_folder("memory")
    compare_memory("quickstart", folder, "configs/quickstart.yaml", *settings(backend__use=BACKEND, train__steps=20))
    compare_memory("draw", folder, "configs/quickstart/draw.yaml", *settings(backend__use=BACKEND, backend__precision="bf16"))


def memory_full():
    full_files()
    compare_memory("full-train", SCRATCH / "full", "train.yaml", *settings(train__steps=6))
    compare_memory("full-draw", SCRATCH / "full", "draw.yaml")
