#!/usr/bin/env python3
"""Makes optimizers.json: 100 steps of other optimizers on a small network, in f64. For developers, as make_ops.py.

Those of PyTorch, and of the packages in PACKAGES: pip install --no-deps lion-pytorch==0.2.5 prodigyopt==1.1.2
transformers==5.23.0 bitsandbytes==0.50.2, and what transformers needs (tokenizers, huggingface-hub, regex, safetensors).

The network: linear 3 to 5, gelu, linear 5 to 2, mean square error; a batch of 4. Parameters and batches are made by the
hash of golden_file.py, as in optimizers_golden_test.cc.
"""
import importlib.metadata
import json
import pathlib
import sys

import lion_pytorch
import prodigyopt
import torch
import torch.nn.functional as F
import transformers.optimization
from bitsandbytes.functional import create_dynamic_map

from golden_file import VERSIONS, Draw, check_versions, numbers

PACKAGES = {"lion-pytorch": "0.2.5", "prodigyopt": "1.1.2", "transformers": "5.23.0", "bitsandbytes": "0.50.2"}

STEPS = 100
KEPT = (1, 2, 10, 100)
SHAPES = {"w1": (5, 3), "b1": (5,), "w2": (2, 5), "b2": (2,)}


def drawn(seed, shape, offset, scale):
    draw = Draw(shape, offset=offset, scale=scale)
    draw.seed = seed
    return draw.tensor()


def check_packages():
    check_versions()
    for package, wanted in PACKAGES.items():
        if importlib.metadata.version(package) != wanted:
            sys.exit(f"{package} is {importlib.metadata.version(package)}, but golden files are made with {wanted}")


def make(optimizer, groups, rate, options):
    """The optimizer of the package that has it."""
    if optimizer == "Lion":
        return lion_pytorch.Lion(groups, lr=rate, **options)
    if optimizer == "Prodigy":
        return prodigyopt.Prodigy(groups, lr=rate, **options)
    if optimizer == "Adafactor":
        given = {"relative_step": False} | options
        given["beta1"] = given.get("beta1") or None
        return transformers.optimization.Adafactor(groups, lr=None if given["relative_step"] else rate, **given)
    return getattr(torch.optim, optimizer)(groups, lr=rate, foreach=False, **options)


class FlatAdamW8bit:
    """AdamW with 8-bit moments over one buffer in which the tensors begin at multiples of 64, as the host lays them out.

    The codes are bitsandbytes' dynamic map and each number takes the nearest one, as its kernels for GPUs do. Those for
    CPUs take others near 0 (7e-8 becomes 4e-6), so the step is written out here.
    """

    BLOCK = 256

    def __init__(self, parameters, rate, options):
        self.parameters, self.steps = parameters, 0
        self.param_groups = [{"lr": rate}]
        self.options = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2} | options
        self.maps = [create_dynamic_map(signed).double() for signed in (True, False)]
        self.moments = [(torch.full((self.BLOCK,), codes.abs().argmin()), 0.0) for codes in self.maps]

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def flat(self, tensors):
        buffer = torch.zeros(self.BLOCK, dtype=torch.float64)
        for index, tensor in enumerate(tensors):
            buffer[64 * index:64 * index + tensor.numel()] = tensor.flatten()
        return buffer

    @torch.no_grad()
    def step(self):
        self.steps += 1
        gradient, rate = self.flat([p.grad for p in self.parameters]), self.param_groups[0]["lr"]
        parameter = self.flat(self.parameters) * (1 - rate * self.options["weight_decay"])
        numbers_of = [codes[places] * largest for codes, (places, largest) in zip(self.maps, self.moments)]
        moments = [beta * old + (1 - beta) * fresh for beta, old, fresh in
                   zip(self.options["betas"], numbers_of, (gradient, gradient**2))]
        corrections = [1 - beta**self.steps for beta in self.options["betas"]]
        parameter -= rate / corrections[0] * moments[0] / ((moments[1] / corrections[1]).sqrt() + self.options["eps"])
        self.moments = []
        for codes, moment in zip(self.maps, moments):
            largest = moment.abs().max().float().double()
            places = torch.searchsorted((codes[1:] + codes[:-1]) / 2, moment / largest)
            self.moments.append((places, largest))
        for index, own in enumerate(self.parameters):
            own.copy_(parameter[64 * index:64 * index + own.numel()].reshape(own.shape))


def run(optimizer, options, rate, groups=None, micro=1, max_norm=None, dtype=torch.float64):
    parameters = {name: drawn(i + 1, shape, -0.5, 2.0**-20).to(dtype).requires_grad_(True)
                  for i, (name, shape) in enumerate(SHAPES.items())}
    groups = groups or [{"parameters": list(SHAPES), "rate": 1.0}]
    if optimizer == "AdamW8bit":
        made = FlatAdamW8bit(list(parameters.values()), rate, options)
    else:
        given = [{"params": [parameters[name] for name in group["parameters"]]} for group in groups]
        made = make(optimizer, given, rate, options)
    kept = []
    for step in range(STEPS):
        for group, own in zip(made.param_groups, groups):
            if group["lr"] is not None:
                group["lr"] = rate * own["rate"] * (1 - step / (2 * STEPS))
        made.zero_grad()
        for part in range(micro):
            seed = 1000 + 2 * (step * micro + part)
            x, target = (drawn(seed + i, shape, -2.0, 2.0**-18).to(dtype) for i, shape in enumerate([(4, 3), (4, 2)]))
            hidden = F.gelu(F.linear(x, parameters["w1"], parameters["b1"]))
            loss = F.mse_loss(F.linear(hidden, parameters["w2"], parameters["b2"]), target)
            (loss / micro).backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm or float("inf"), foreach=False)
        made.step()
        if step + 1 in KEPT:
            kept.append({"step": step + 1, "loss": loss.item(), "norm": norm.item(),
                         "parameters": {name: numbers(value) for name, value in parameters.items()}})
    return kept


def error_in_f32(kept, same_in_f32):
    """How far the other implementation itself is from its steps in f64, as the test measures it."""
    worst = 0.0
    for right, seen in zip(kept, same_in_f32):
        for name in right["parameters"]:
            a, b = (torch.tensor(each["parameters"][name], dtype=torch.float64) for each in (right, seen))
            worst = max(worst, ((a - b).abs().max() / a.abs().max()).item())
    return worst


def main():
    check_packages()
    torch.set_num_threads(1)
    together = [{"parameters": ["w2", "b1"], "rate": 1.0}, {"parameters": ["b2", "w1"], "rate": 1.0}]
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
        ("defaults", "Lion", {}, 0.001, {}),
        ("decay and betas", "Lion", {"betas": [0.95, 0.98], "weight_decay": 0.3}, 0.003, {}),
        ("three micro-batches, clipped", "Lion", {"weight_decay": 0.1}, 0.002, {"micro": 3, "max_norm": 0.5}),
        ("defaults", "Adafactor", {}, 0.02, {}),
        ("absolute steps", "Adafactor", {"scale_parameter": False}, 0.005, {}),
        ("relative steps", "Adafactor", {"relative_step": True}, 1.0, {}),
        ("relative steps, warmed up", "Adafactor", {"relative_step": True, "warmup_init": True}, 1.0, {}),
        ("mean, decay, eps", "Adafactor", {"beta1": 0.9, "weight_decay": 0.1, "eps": [1e-8, 0.01], "decay_rate": -0.7,
                                           "clip_threshold": 0.8}, 0.02, {}),
        ("two groups", "Adafactor", {"scale_parameter": False}, 0.01, {"groups": apart}),
        ("defaults", "Prodigy", {}, 1.0, {}),
        ("decay, bias correction", "Prodigy", {"weight_decay": 0.1, "use_bias_correction": True, "d0": 1e-3,
                                                "growth_rate": 1.1}, 1.0, {}),
        ("warm-up, coupled decay", "Prodigy", {"weight_decay": 0.01, "decouple": False, "safeguard_warmup": True,
                                               "beta3": 0.99}, 1.0, {}),
        ("slow growth, larger", "Prodigy", {"d_coef": 2.0, "growth_rate": 1.05, "d0": 1e-4, "betas": [0.8, 0.99]}, 1.0,
         {}),
        ("two groups", "Prodigy", {"weight_decay": 0.1, "d0": 1e-3, "growth_rate": 1.02}, 1.0,
         {"groups": together, "max_norm": 0.5}),
        ("defaults", "AdamW8bit", {}, 0.001, {}),
        ("decay, betas and eps", "AdamW8bit", {"betas": [0.9, 0.99], "eps": 1e-6, "weight_decay": 0.5}, 0.02, {}),
        ("no decay", "AdamW8bit", {"weight_decay": 0.0}, 0.01, {}),
    ]
    cases = []
    for name, optimizer, options, rate, more in given:
        case = {"name": name, "optimizer": optimizer.lower(), "options": options, "rate": rate}
        kept = run(optimizer, options, rate, **more)
        if optimizer == "Prodigy":
            # Its estimate is a sum of differences of parameters that hardly moved yet.
            case["error_in_f32"] = error_in_f32(kept, run(optimizer, options, rate, dtype=torch.float32, **more))
        cases.append(case | more | {"kept": kept})
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
    text = f'{{"made_with":{json.dumps(VERSIONS | PACKAGES)},"cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("optimizers.json").write_text(text)
    print(f"optimizers.json: {len(cases)} cases, {len(text)} bytes")


if __name__ == "__main__":
    main()
