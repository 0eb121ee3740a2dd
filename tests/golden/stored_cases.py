"""Golden cases of numbers stored in f8: layers with scales, and what each number rounds to."""
import json
import pathlib

import torch

from golden_file import F8, VERSIONS, Draw, fixed, normal, number, positive


def add_all(golden):
    def scaled(x, weight, scale_x, scale_weight, bias=0.0):
        return (scale_x * scale_weight) * (x @ weight.mT) + bias

    def stored(dtype, *shape):
        return Draw(shape, dtype=dtype, wanted=False)

    golden.add("none in f8", "linear_scaled", [normal(2, 3, 5), normal(4, 5), positive(), positive(), normal(4)], scaled)
    for dtype in F8:
        golden.add(f"a weight in {dtype}", "linear_scaled",
                   [normal(3, 7), stored(dtype, 5, 7), positive(), positive(), normal(5)], scaled)
        golden.add(f"x in {dtype}", "linear_scaled", [stored(dtype, 3, 4), normal(2, 4), positive(), positive()], scaled)

    # PyTorch's own product of two such tensors; sums of quarters and scales of two are exact in any order.
    def own(dtypes, to):
        def answer(x, weight, scale_x, scale_weight):
            return torch._scaled_mm(x.float().to(F8[dtypes[0]]), weight.float().to(F8[dtypes[1]]).t(),
                                    scale_a=scale_x.float(), scale_b=scale_weight.float(), out_dtype=to)
        return answer

    for dtypes in (("f8_e4m3", "f8_e4m3"), ("f8_e5m2", "f8_e4m3"), ("f8_e4m3", "f8_e5m2")):
        for name, to in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            operands = [Draw(shape, dtype=dtype, levels=9, offset=-1.0, scale=0.25, wanted=False)
                        for dtype, shape in zip(dtypes, ((16, 32), (16, 32)))]
            golden.add(f"{dtypes[0]} by {dtypes[1]} to {name}", "linear_scaled",
                       operands + [number(0.5, dtype="f32", wanted=False), number(4.0, dtype="f32", wanted=False)],
                       own(dtypes, to), through=(), dtype=name)


def write_roundings(name):
    """For every two neighbours of a type the middle and the f32 next to it on either side: with these, rounding is known
    everywhere. Up to the largest number: beyond it PyTorch has NaN or infinity, the catalogue the largest."""
    types = {}
    for dtype, native in F8.items():
        codes = torch.arange(128, dtype=torch.uint8)
        values = codes.view(native).float()
        finite = values[values.isfinite()]
        middles = (finite[:-1] + finite[1:]) / 2
        inputs = torch.stack([middles.nextafter(finite[:-1]), middles, middles.nextafter(finite[1:])], 1).flatten()
        types[dtype] = {"values": finite.tolist(), "inputs": inputs.tolist(),
                        "codes": inputs.to(native).view(torch.uint8).tolist()}
    text = json.dumps({"made_with": {"torch": VERSIONS["torch"]}, "types": types}, separators=(",", ":"))
    pathlib.Path(__file__).with_name(name).write_text(text + "\n")
    print(f"{name}: {len(text)} bytes")
