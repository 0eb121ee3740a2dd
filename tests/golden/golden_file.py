"""Golden cases: inputs that a hash makes, answers and gradients of PyTorch, and the file they are written to."""
import json
import pathlib
import sys

import numpy
import torch

VERSIONS = {"torch": "2.11.0", "numpy": "2.4.6"}
F8 = {"f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2}


def check_versions():
    for module in (torch, numpy):
        wanted = VERSIONS[module.__name__]
        if module.__version__.split("+")[0] != wanted:
            sys.exit(f"{module.__name__} is {module.__version__}, but golden files are made with {wanted}")


def splitmix64(x):
    """The finalizer of SplitMix64, over an array of u64."""
    with numpy.errstate(over="ignore"):
        x = (x + numpy.uint64(0x9E3779B97F4A7C15)).astype(numpy.uint64)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return x ^ (x >> numpy.uint64(31))


class Draw:
    """A tensor whose element i is offset + scale * (hash of seed and i, modulo levels): exact in f64 as used here."""

    def __init__(self, shape, dtype="f64", levels=1 << 20, offset=-2.0, scale=2.0**-18, wanted=None):
        self.shape, self.dtype, self.levels, self.offset, self.scale = list(shape), dtype, levels, offset, scale
        self.wanted = dtype == "f64" if wanted is None else wanted
        self.seed = None

    def tensor(self):
        count = int(numpy.prod(self.shape, dtype=numpy.int64))
        places = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(self.seed << 32)
        steps = (splitmix64(places) % numpy.uint64(self.levels)).astype(numpy.float64)
        values = torch.from_numpy(self.offset + self.scale * steps).reshape(self.shape)
        if self.dtype in F8:  # the numbers that the stored ones stand for
            return values.float().to(F8[self.dtype]).double()
        return values.to({"f64": torch.float64, "f32": torch.float32, "i64": torch.int64, "bool": torch.bool}[self.dtype])

    def spec(self):
        return {"dtype": self.dtype, "shape": self.shape, "seed": self.seed, "levels": self.levels,
                "offset": self.offset, "scale": self.scale}


def normal(*shape, **more):
    """Numbers from -2 up to 2, all different for all that matters."""
    return Draw(shape, **more)


def wide(*shape):
    return Draw(shape, offset=-8.0, scale=2.0**-16)


def positive(*shape):
    return Draw(shape, offset=0.5, scale=2.0**-19)


def ties(*shape, levels=3):
    """A few whole numbers, so that many are equal."""
    return Draw(shape, levels=levels, offset=-1.0, scale=1.0)


def number(value, **more):
    return Draw([], levels=1, offset=value, scale=1.0, **more)


def indices(*shape, limit):
    return Draw(shape, dtype="i64", levels=limit, offset=0.0, scale=1.0)


def truths(*shape):
    return Draw(shape, dtype="bool", levels=2, offset=0.0, scale=1.0)


def fixed(draw):
    """The same input without a gradient."""
    draw.wanted = False
    return draw


class Golden:
    """Collects the cases of one file."""

    def __init__(self):
        self.cases = []
        self.seed = 0

    def _seeded(self, draw):
        self.seed += 1
        draw.seed = self.seed
        return draw

    def add(self, name, op, inputs, answer, through=(0,), **attributes):
        """One op of the catalogue. `answer` gives what PyTorch says its outputs are; cotangents go into the outputs
        `through`, and the gradients of all inputs that want one are kept."""
        tensors = [self._seeded(draw).tensor() for draw in inputs]
        wanted = [i for i, draw in enumerate(inputs) if draw.wanted] if through else []
        for i in wanted:
            tensors[i].requires_grad_(True)
        outputs = answer(*tensors)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        case = {"name": name, "op": op, "attributes": attributes, "inputs": [draw.spec() for draw in inputs],
                "outputs": [numbers(output) for output in outputs]}
        if wanted:
            cotangents = {i: self._seeded(Draw(outputs[i].shape)) for i in through}
            gradients = torch.autograd.grad([outputs[i] for i in through], [tensors[i] for i in wanted],
                                            [cotangents[i].tensor() for i in through])
            case["cotangents"] = {str(i): draw.spec() for i, draw in cotangents.items()}
            case["gradients"] = {str(i): numbers(gradient) for i, gradient in zip(wanted, gradients)}
        self.cases.append(case)

    def write(self, name):
        lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in self.cases)
        text = f'{{"made_with":{json.dumps(VERSIONS)},"cases":[\n{lines}\n]}}\n'
        pathlib.Path(__file__).with_name(name).write_text(text)
        print(f"{name}: {len(self.cases)} cases, {len(text)} bytes")


def numbers(tensor):
    return tensor.detach().double().reshape(-1).tolist()
