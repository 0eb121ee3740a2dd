#!/usr/bin/env python3
"""Makes optimizers.json: 100 steps of PyTorch's optimizers on a small network, in f64. For developers, as make_ops.py.

The network: linear 3 to 5, gelu, linear 5 to 2, mean square error; a batch of 4. Parameters and batches are made by the
hash of golden_file.py, as in optimizers_golden_test.cc.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

from golden_file import VERSIONS, Draw, check_versions, numbers

STEPS = 100
KEPT = (1, 2, 10, 100)
SHAPES = {"w1": (5, 3), "b1": (5,), "w2": (2, 5), "b2": (2,)}


def drawn(seed, shape, offset, scale):
    draw = Draw(shape, offset=offset, scale=scale)
    draw.seed = seed
    return draw.tensor()


def run(optimizer, options, rate, groups=None, micro=1, max_norm=None):
    parameters = {name: drawn(i + 1, shape, -0.5, 2.0**-20).requires_grad_(True)
                  for i, (name, shape) in enumerate(SHAPES.items())}
    groups = groups or [{"parameters": list(SHAPES), "rate": 1.0}]
    made = getattr(torch.optim, optimizer)(
        [{"params": [parameters[name] for name in group["parameters"]]} for group in groups], lr=rate, foreach=False,
        **options)
    kept = []
    for step in range(STEPS):
        for group, own in zip(made.param_groups, groups):
            group["lr"] = rate * own["rate"] * (1 - step / (2 * STEPS))
        made.zero_grad()
        for part in range(micro):
            seed = 1000 + 2 * (step * micro + part)
            x, target = drawn(seed, (4, 3), -2.0, 2.0**-18), drawn(seed + 1, (4, 2), -2.0, 2.0**-18)
            hidden = F.gelu(F.linear(x, parameters["w1"], parameters["b1"]))
            loss = F.mse_loss(F.linear(hidden, parameters["w2"], parameters["b2"]), target)
            (loss / micro).backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm or float("inf"), foreach=False)
        made.step()
        if step + 1 in KEPT:
            kept.append({"step": step + 1, "loss": loss.item(), "norm": norm.item(),
                         "parameters": {name: numbers(value) for name, value in parameters.items()}})
    return kept


def main():
    check_versions()
    torch.set_num_threads(1)
    apart = [{"parameters": ["w2", "b1"], "rate": 1.0}, {"parameters": ["b2", "w1"], "rate": 0.25}]
    given = [
        ("plain", "SGD", {}, 0.05, {}),
        ("decay", "SGD", {"weight_decay": 0.1}, 0.05, {}),
        ("momentum", "SGD", {"momentum": 0.9}, 0.02, {}),
        ("momentum, dampening, decay", "SGD", {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}, 0.05, {}),
        ("nesterov and decay", "SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.02}, 0.02, {}),
        ("clipped", "SGD", {}, 0.1, {"max_norm": 0.5}),
        ("three micro-batches, momentum, clipped", "SGD", {"momentum": 0.9}, 0.05, {"micro": 3, "max_norm": 0.25}),
        ("defaults", "Adam", {}, 0.001, {}),
        ("decay, betas and eps", "Adam", {"betas": [0.8, 0.95], "eps": 1e-4, "weight_decay": 0.1}, 0.01, {}),
        ("three micro-batches", "Adam", {}, 0.01, {"micro": 3}),
        ("clipped", "Adam", {}, 0.01, {"max_norm": 0.5}),
        ("defaults", "AdamW", {}, 0.001, {}),
        ("decay, betas and eps", "AdamW", {"betas": [0.9, 0.99], "eps": 1e-6, "weight_decay": 0.5}, 0.02, {}),
        ("no decay", "AdamW", {"weight_decay": 0.0}, 0.01, {}),
        ("three micro-batches, clipped", "AdamW", {}, 0.01, {"micro": 3, "max_norm": 0.5}),
        ("two groups, clipped together", "AdamW", {"weight_decay": 0.1}, 0.01, {"groups": apart, "max_norm": 0.5}),
        ("two groups", "SGD", {"momentum": 0.9}, 0.02, {"groups": apart}),
    ]
    cases = []
    for name, optimizer, options, rate, more in given:
        case = {"name": name, "optimizer": optimizer.lower(), "options": options, "rate": rate}
        cases.append(case | more | {"kept": run(optimizer, options, rate, **more)})
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
    text = f'{{"made_with":{json.dumps(VERSIONS)},"cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("optimizers.json").write_text(text)
    print(f"optimizers.json: {len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
