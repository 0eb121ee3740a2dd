"""configs/quickstart.yaml on the GPU."""

import re
import shutil
import subprocess

from harness import BACKEND, ENVIRONMENT, LOGS, MIB, PACK, TREE, metrics, quickstart_folder, run, say, settings


def judged(folder, first, last):
    prompts = re.findall(r"^    - (.*)$", (TREE / "configs/quickstart.yaml").read_text(), re.M)
    lines = "".join(f"{folder}/{i + 1:03}.png\t{prompts[i]}\n" for i in range(first - 1, last))
    result = subprocess.run([PACK / "bin/quickstart_judge"], input=lines, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return (result.stdout.strip().splitlines() or [result.stderr])[-1]


def quickstart():
    folder = quickstart_folder("quickstart")
    for start in ("first", "second"):
        text, seconds, watch = run(f"quickstart-{start}", "run", "configs/quickstart.yaml", "--resume", "never",
                                   *settings(backend__use=BACKEND), folder=folder, watch=True)
        made = folder / "runs/quickstart"
        steps = sorted((made / "samples").glob("step-*"))
        values = metrics(made)
        loss = [sum(line["loss"] for line in part) / len(part) for part in (values[:25], values[-25:])]
        say(f"quickstart, {start} start: {seconds:.1f} s; zorbs {judged(steps[0], 1, 16)} → {judged(steps[-1], 1, 16)}, "
            f"others {judged(steps[0], 17, 24)} → {judged(steps[-1], 17, 24)}; loss {loss[0]:.4f} → {loss[1]:.4f}; "
            f"{1e3 * values[-1]['seconds']:.2f} ms the last step; {len(values)} steps in {values[-1]['time'] - values[0]['time']:.1f} s; "
            f"device memory at most {watch.most(1) / MIB:.0f} MiB, context included")
        print("\n".join(line for line in text.splitlines() if "learn on" in line or "zorb.safetensors" in line or "report" in line))
        for file in ("report.html", "run.json"):
            shutil.copy(made / file, LOGS / f"quickstart-{start}-{file}")
