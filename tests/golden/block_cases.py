"""Golden cases of what networks are made of: norms, attention, rotary embedding, softmax, losses."""
import torch
import torch.nn.functional as F

from golden_file import fixed, indices, normal, ties, truths, wide


def add_norms(golden):
    def layer(name, shape, operands, eps):
        c = shape[-1]
        inputs = [wide(*shape)] + [normal(c) for _ in range(operands)]
        if c == 1:  # the gradients of x and weight are 0; PyTorch gives what rounding leaves of differences
            fixed(inputs[0]), fixed(inputs[1])
        golden.add(name, "layer_norm", inputs,
                   lambda x, weight=None, bias=None: [part.reshape(shape if i == 0 else shape[:-1]) for i, part in
                                                      enumerate(torch.native_layer_norm(x, [c], weight, bias, eps))],
                   eps=eps)

    layer("plain", (3, 5), 0, 1e-5)
    layer("weight and bias", (2, 3, 6), 2, 1e-6)
    layer("weight alone", (4, 7), 1, 1e-5)
    layer("a large eps", (2, 2, 4), 2, 0.5)
    layer("one channel", (3, 1), 2, 1e-5)
    layer("four axes", (2, 1, 3, 5), 2, 1e-5)

    def group(name, shape, groups, operands=2, activation="", eps=1e-5):
        n, c = shape[0], shape[-1]
        count = shape[1] * (shape[2] if len(shape) > 3 else 1)

        def answer(x, weight=None, bias=None):
            first = x.movedim(-1, 1).contiguous()
            y, mean, rstd = torch.native_group_norm(first, weight, bias, n, c, count, groups, eps)
            y = y.movedim(1, -1)
            return F.silu(y) if activation else y, mean, rstd

        golden.add(name, "group_norm", [wide(*shape)] + [normal(c) for _ in range(operands)], answer,
                   groups=groups, activation=activation, eps=eps)

    group("two groups", (2, 3, 2, 6), 2)
    group("with silu", (2, 2, 3, 8), 4, activation="silu", eps=1e-6)
    group("one group", (1, 3, 3, 4), 1)
    group("one group, silu, no weight", (2, 3, 2, 4), 1, 0, "silu")
    group("one channel a group, tokens", (2, 5, 3), 3)
    group("no weight", (1, 2, 2, 6), 3, 0)
    group("weight alone, silu", (2, 4, 6), 2, 1, "silu")

    def rms(name, shape, weighted, eps):
        c = shape[-1]
        golden.add(name, "rms_norm", [wide(*shape)] + ([normal(c)] if weighted else []), lambda x, weight=None: (
            F.rms_norm(x, [c], weight, eps), torch.rsqrt(x.square().mean(-1) + eps)), eps=eps)

    rms("plain", (3, 5), False, 1e-6)
    rms("weight", (2, 3, 8), True, 1e-6)
    rms("a large eps", (4, 3), True, 0.25)

    for name, shape, operands in (("plain", (2, 3, 4, 2), 0), ("weight and bias", (2, 5, 3), 2)):
        golden.add(name, "instance_norm", [wide(*shape)] + [normal(shape[-1]) for _ in range(operands)],
                   lambda x, weight=None, bias=None: F.instance_norm(x.movedim(-1, 1), weight=weight, bias=bias,
                                                                      eps=1e-5).movedim(1, -1))


def add_attention(golden):
    def add(name, b, s, t, h, d, e=None, mask=None, scale=None, causal=False):
        scale = scale or d**-0.5
        inputs = [normal(b, s, h, d), normal(b, t, h, d), normal(b, t, h, e or d)] + ([mask] if mask else [])

        def answer(q, k, v, mask=None):
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            y = F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=scale)
            scores = scale * q @ k.transpose(2, 3)
            if causal:
                scores = scores.masked_fill(~torch.ones(s, t).tril().bool(), float("-inf"))
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
            return y.transpose(1, 2), torch.logsumexp(scores, -1)

        golden.add(name, "attention", inputs, answer, scale=scale, causal=causal)

    add("one head", 1, 4, 4, 1, 4)
    add("three heads, other keys", 2, 3, 5, 3, 4)
    add("values of another size", 1, 4, 3, 2, 4, e=6)
    add("one query", 2, 1, 6, 2, 3)
    add("scale of its own", 1, 3, 4, 2, 4, scale=1.25)
    add("causal", 2, 5, 5, 2, 4, causal=True)
    add("added mask for all heads", 2, 3, 4, 2, 4, mask=fixed(normal(3, 4)))
    add("added mask with a gradient", 2, 3, 4, 2, 4, mask=normal(2, 1, 3, 4))
    add("mask of truths", 2, 3, 8, 2, 4, mask=truths(2, 1, 1, 8))
    add("mask of truths, each query its own", 1, 4, 9, 2, 4, mask=truths(1, 1, 4, 9))


def turned_adjacent(x, cos, sin):
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * torch.complex(*torch.broadcast_tensors(cos, sin))).flatten(-2)


def turned_halves(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * torch.cat([cos, cos], -1) + torch.cat([-b, a], -1) * torch.cat([sin, sin], -1)


def add_rope(golden):
    for pairing, turned in (("adjacent", turned_adjacent), ("halves", turned_halves)):
        for inverse in (False, True):
            golden.add(f"{pairing}{', inverse' if inverse else ''}", "rope",
                       [normal(2, 3, 2, 6), fixed(normal(3, 1, 3)), fixed(normal(3, 1, 3))],
                       lambda x, cos, sin: turned(x, cos, -sin if inverse else sin), pairing=pairing, inverse=inverse)


def add_softmax(golden):
    for name, shape, axis in (("last axis", (3, 5), -1), ("first axis", (4, 2, 3), 0), ("middle axis", (2, 6, 3), 1)):
        golden.add(name, "softmax", [wide(*shape)], lambda x: F.softmax(x, axis), axis=axis)
        golden.add(name, "log_softmax", [wide(*shape)], lambda x: F.log_softmax(x, axis), axis=axis)
    golden.add("one element", "softmax", [wide(3, 1)], lambda x: F.softmax(x, -1), axis=-1)


def add_losses(golden):
    for reduction in ("mean", "sum", "none"):
        golden.add(reduction, "cross_entropy", [wide(2, 3, 5), indices(2, 3, limit=5)],
                   lambda x, target: F.cross_entropy(x.flatten(0, 1), target.flatten(), reduction=reduction).reshape(
                       (2, 3) if reduction == "none" else ()), reduction=reduction)
        golden.add(reduction, "mse", [normal(3, 4), normal(3, 4)],
                   lambda x, target: F.mse_loss(x, target, reduction=reduction), reduction=reduction)
        golden.add(reduction, "huber", [normal(3, 5), normal(3, 5)],
                   lambda x, target: F.huber_loss(x, target, reduction=reduction, delta=0.75), reduction=reduction,
                   delta=0.75)
    golden.add("where both parts meet", "huber", [ties(4, 4), ties(4, 4)],
               lambda x, target: F.huber_loss(x, target, reduction="none"), reduction="none")


def add_layers(golden):
    golden.add("two axes in front", "linear", [normal(2, 3, 4), normal(5, 4)], F.linear)
    golden.add("bias", "linear", [normal(3, 4), normal(2, 4), normal(2)], F.linear)
    golden.add("bias and addend", "linear", [normal(2, 3, 4), normal(5, 4), normal(5), normal(2, 3, 5)],
               lambda x, weight, bias, addend: F.linear(x, weight, bias) + addend)
    golden.add("one of each", "modulate", [normal(2, 3, 4), normal(2, 1, 4), normal(2, 1, 4)],
               lambda x, shift, scale: x * (1 + scale) + shift)
    gates = {"gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu}
    for name, gate in gates.items():
        golden.add(name, "geglu", [wide(2, 3, 6)],
                   lambda x: x.chunk(2, -1)[0] * gate(x.chunk(2, -1)[1]), activation=name)
    golden.add("rows named twice", "embedding", [indices(3, 4, limit=5), normal(5, 3)], F.embedding)


def add_all(golden):
    for add in (add_norms, add_attention, add_rope, add_softmax, add_losses, add_layers):
        add(golden)
