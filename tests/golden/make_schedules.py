#!/usr/bin/env python3
"""Makes schedules.json: the learning rates of transformers' schedules, step by step. For developers, as make_ops.py.

Of transformers 5.23.0, as PyTorch's LambdaLR steps them. It has no REX: that is the formula of "REX: Revisiting Budgeted
Training with an Improved Schedule" (Chen et al., 2021), section 3.
"""
import importlib.metadata
import json
import pathlib
import sys

import torch
from transformers import optimization

from golden_file import VERSIONS, check_versions

TRANSFORMERS = "5.23.0"
RATE = 0.5


def rates(make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    schedule = make(optimizer)
    seen = []
    for _ in range(steps + 3):
        seen.append(optimizer.param_groups[0]["lr"] / RATE)
        optimizer.step()
        schedule.step()
    return seen


def rex(optimizer, warmup, steps):
    def factor(step):
        if step < warmup:
            return step / warmup
        left = 1 - min(1, (step - warmup) / (steps - warmup))
        return left / (0.5 + 0.5 * left)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def main():
    check_versions()
    if importlib.metadata.version("transformers") != TRANSFORMERS:
        sys.exit(f"golden files are made with transformers {TRANSFORMERS}")
    o, cases = optimization, []
    for steps, warmup in ((20, 0), (20, 5), (7, 6), (1, 0)):
        given = [
            ("constant", {}, lambda x: o.get_constant_schedule_with_warmup(x, warmup)),
            ("linear", {}, lambda x: o.get_linear_schedule_with_warmup(x, warmup, steps)),
            ("cosine", {}, lambda x: o.get_cosine_schedule_with_warmup(x, warmup, steps)),
            ("cosine", {"final": 0.1}, lambda x: o.get_cosine_with_min_lr_schedule_with_warmup(
                x, warmup, steps, min_lr_rate=0.1)),
            ("cosine", {"cycles": 3},
             lambda x: o.get_cosine_with_hard_restarts_schedule_with_warmup(x, warmup, steps, num_cycles=3)),
            ("polynomial", {"power": 2.0, "final": 0.2}, lambda x: o.get_polynomial_decay_schedule_with_warmup(
                x, warmup, steps, lr_end=0.2 * RATE, power=2.0)),
            ("rex", {}, lambda x: rex(x, warmup, steps)),
        ]
        for name, options, make in given:
            if name == "cosine" and "cycles" not in options:
                # Behind its end, transformers' cosine rises again.
                cases.append({"name": name, "steps": steps, "warmup": warmup, **options,
                              "factors": rates(make, steps)[:steps + 1]})
                continue
            cases.append({"name": name, "steps": steps, "warmup": warmup, **options, "factors": rates(make, steps)})
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
    versions = json.dumps(VERSIONS | {"transformers": TRANSFORMERS})
    text = f'{{"made_with":{versions},"cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("schedules.json").write_text(text)
    print(f"schedules.json: {len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
