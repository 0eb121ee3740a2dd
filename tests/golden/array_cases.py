"""Golden cases of arrays: scalar functions, matrix products, reductions, order, and movement of elements."""
import torch
import torch.nn.functional as F

from golden_file import fixed, indices, normal, number, positive, ties, truths, wide


def add_scalar_functions(golden):
    activations = {"gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
                   "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x), "mish": F.mish, "relu": F.relu,
                   "softplus": lambda x: F.softplus(x, threshold=700), "sigmoid": torch.sigmoid, "tanh": torch.tanh,
                   "erf": torch.erf, "abs": torch.abs, "square": torch.square, "exp": torch.exp, "expm1": torch.expm1,
                   "sin": torch.sin, "cos": torch.cos, "sign": torch.sign, "neg": torch.neg}
    for name, function in activations.items():
        golden.add("from -8 to 8", name, [wide(4, 6)], function)
    for name in ("sqrt", "rsqrt", "log", "log1p", "reciprocal"):
        golden.add("positive", name, [positive(3, 5)], getattr(torch, name))
    for name in ("floor", "ceil"):
        golden.add("from -8 to 8", name, [wide(4, 4)], getattr(torch, name))
    golden.add("halves", "round", [normal(30, levels=33, offset=-4.0, scale=0.25)], torch.round)
    golden.add("slope with a gradient", "leaky_relu", [wide(4, 5), number(0.01)],
               lambda x, slope: F.prelu(x, slope.reshape(1)))
    for alpha in (1.0, 0.5):
        golden.add(f"alpha {alpha}", "elu", [wide(4, 5), number(alpha, wanted=False)],
                   lambda x, a: F.elu(x, alpha=alpha))


def add_pairs(golden):
    for name in ("add", "sub", "mul", "div"):
        golden.add("broadcast both ways", name, [normal(2, 1, 3), positive(4, 1)], getattr(torch, name))
    golden.add("positive bases", "pow", [positive(3, 4), normal(4)], torch.pow)
    golden.add("whole powers of any base", "pow", [normal(3, 4), fixed(ties(4, levels=5))], torch.pow)
    golden.add("the smaller", "min", [normal(3, 4), normal(4)], torch.minimum)
    golden.add("the larger", "max", [normal(3, 1), normal(4)], torch.maximum)
    golden.add("between numbers", "clamp", [wide(4, 5), number(-1.5, wanted=False), number(2.5, wanted=False)],
               lambda x, low, high: x.clamp(low.item(), high.item()))
    golden.add("both signs", "mod", [fixed(wide(5, 6)), fixed(wide(6))], torch.remainder)
    golden.add("both signs", "floor_div", [fixed(wide(5, 6)), fixed(wide(6))], torch.floor_divide)
    golden.add("each its own", "where", [truths(3, 4), normal(3, 4), normal(4)], torch.where)


def add_products(golden):
    def add(name, a, b, ta=False, tb=False):
        golden.add(name, "matmul", [normal(*a), normal(*b)],
                   lambda x, y: (x.mT if ta else x) @ (y.mT if tb else y), transpose_a=ta, transpose_b=tb)

    add("plain", (3, 4), (4, 2))
    add("first transposed", (4, 3), (4, 2), ta=True)
    add("second transposed", (3, 4), (2, 4), tb=True)
    add("both transposed", (2, 4, 3), (2, 2, 4), True, True)
    add("a batch against one", (3, 2, 4), (4, 5))
    add("two batches, broadcast both ways", (2, 1, 3, 4), (3, 4, 2))
    add("broadcast and transposed", (1, 4, 3), (2, 5, 4), True, True)
    add("rows and columns of one", (2, 1, 5), (5, 1))
    golden.add("added matrix", "matmul", [normal(2, 3, 4), normal(4, 2), normal(2, 3, 2)], lambda a, b, c: a @ b + c)


def add_reductions(golden):
    for name, kind, function in (("sum", "sum", torch.sum), ("mean", "mean", torch.mean),
                                 ("largest", "max", torch.amax), ("smallest", "min", torch.amin)):
        golden.add(f"{name} of two axes", "reduce", [normal(2, 3, 4)], lambda x: function(x, (0, 2)), kind=kind,
                   axes=[0, 2])
    golden.add("mean, axes kept", "reduce", [normal(2, 3, 4)], lambda x: x.mean((1,), keepdim=True), kind="mean",
               axes=[1], keep_dims=True)
    golden.add("largest, equal ones share", "reduce", [ties(4, 6)], lambda x: x.amax(1), kind="max", axes=[1])
    golden.add("no axes", "reduce", [normal(2, 3)], lambda x: x * 1, kind="sum", axes=[])
    golden.add("product", "reduce", [normal(3, 4)], lambda x: x.prod(1), kind="prod", axes=[1])
    golden.add("largest", "argreduce", [normal(3, 7)], lambda x: x.argmax(1), through=(), kind="max", axis=1)
    golden.add("smallest, first of equal ones", "argreduce", [ties(6, 4)], lambda x: x.argmin(0, keepdim=True),
               through=(), kind="min", axis=0, keep_dims=True)
    for correction in (0, 1):
        golden.add(f"correction {correction}", "var", [normal(3, 4, 2)],
                   lambda x: x.var((0, 1), correction=correction), axes=[0, 1], correction=correction)
    golden.add("axes kept", "var", [wide(3, 5)], lambda x: x.var(1, correction=0, keepdim=True), axes=[1],
               keep_dims=True)
    golden.add("two axes", "norm", [normal(3, 4, 2)], lambda x: torch.linalg.vector_norm(x, dim=(0, 2)), axes=[0, 2])
    golden.add("all", "norm", [wide(3, 4)], lambda x: torch.linalg.vector_norm(x), axes=[0, 1])


def running_sum(x, axis, exclusive=False, reverse=False):
    x = x.flip(axis) if reverse else x
    sums = x.cumsum(axis) - (x if exclusive else 0)
    return sums.flip(axis) if reverse else sums


def add_order(golden):
    for exclusive in (False, True):
        for reverse in (False, True):
            words = "plain" if not (exclusive or reverse) else ", ".join(
                word for word, on in (("exclusive", exclusive), ("reverse", reverse)) if on)
            more = {"axis": 1, "exclusive": exclusive, "reverse": reverse}
            golden.add(words, "cumsum", [normal(2, 5, 2)], lambda x: running_sum(x, **more), **more)
    for descending in (False, True):
        for name, draw in (("distinct", normal), ("ties keep their order", ties)):
            golden.add(name + (", falling" if descending else ""), "sort", [draw(7, 3)],
                       lambda x: torch.sort(x, dim=0, descending=descending, stable=True), axis=0, descending=descending)
    golden.add("three of eight", "top_k", [normal(2, 8)], lambda x: x.topk(3, -1), axis=-1, k=3)
    golden.add("first axis", "top_k", [normal(6, 2)], lambda x: x.topk(2, 0), axis=0, k=2)


def add_movement(golden):
    def slices(x, places, axis):
        picked = x.index_select(axis, places.flatten())
        return picked.unflatten(axis, places.shape)

    for axis in (0, 1, 2):
        golden.add(f"axis {axis}, indices of two axes", "gather", [normal(3, 4, 2), indices(2, 3, limit=(3, 4, 2)[axis])],
                   lambda x, places: slices(x, places, axis), axis=axis)
    for axis, updates in ((0, (5, 3)), (1, (4, 5))):
        golden.add(f"axis {axis}, places named twice", "scatter_add",
                   [normal(4, 3), indices(5, limit=(4, 3)[axis]), normal(*updates)],
                   lambda base, places, given: base.index_add(axis, places, given), axis=axis)
    golden.add("an index each", "take_along", [normal(3, 5, 2), indices(3, 4, 2, limit=5)],
               lambda x, places: x.gather(1, places), axis=1)
    golden.add("three parts", "concat", [normal(2, 3), normal(2, 1), normal(2, 2)],
               lambda *parts: torch.cat(parts, 1), axis=1)
    golden.add("unequal parts", "split", [normal(2, 6, 2)], lambda x: x.split([1, 3, 2], 1), through=(0, 2), axis=1,
               sizes=[1, 3, 2])
    golden.add("backwards by two", "slice", [normal(2, 7)], lambda x: x.flip(1)[:, 1:6:2], axis=1, start=5, count=3,
               step=-2)
    golden.add("four axes", "permute", [normal(2, 3, 1, 4)], lambda x: x.permute(2, 0, 3, 1), axes=[2, 0, 3, 1])
    golden.add("new and old axes", "broadcast_to", [normal(2, 1, 3)], lambda x: x.expand(2, 2, 4, 3),
               shape=[2, 2, 4, 3])
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16), ("f16", torch.float16), ("i32", torch.int32)):
        golden.add(f"to {name}", "cast", [fixed(wide(40))], lambda x: x.to(dtype), dtype=name)


def add_all(golden):
    for add in (add_scalar_functions, add_pairs, add_products, add_reductions, add_order, add_movement):
        add(golden)
