"""Golden cases of images: convolution, pooling, resizing. Images are [n, h, w, c], as the catalogue has them."""
import torch
import torch.nn.functional as F

from golden_file import normal, ties

FIRST = lambda x: x.permute(0, 3, 1, 2).contiguous()  # channels first, as PyTorch has them
LAST = lambda x: x.permute(0, 2, 3, 1).contiguous()


def padded(x, padding, value=0.0):
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(x, weight, bias=None, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    return LAST(F.conv2d(padded(FIRST(x), padding), FIRST(weight), bias, stride, 0, dilation, groups))


def image_gradient(dy, weight, size, **window):
    groups = window.get("groups", 1)
    x = torch.zeros(dy.shape[0], *size, weight.shape[3] * groups, dtype=dy.dtype, requires_grad=True)
    return torch.autograd.grad(conv(x, weight, **window), x, dy, create_graph=True)[0]


def weight_gradient(x, dy, window, **more):
    groups = more.get("groups", 1)
    weight = torch.zeros(dy.shape[3], *window, x.shape[3] // groups, dtype=x.dtype, requires_grad=True)
    return torch.autograd.grad(conv(x, weight, **more), weight, dy, create_graph=True)[0]


def transposed(x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, output_padding=(0, 0)):
    return LAST(F.conv_transpose2d(FIRST(x), FIRST(weight), bias, stride, padding, output_padding, groups, dilation))


def add_conv(golden):
    def add(name, x, weight, bias=None, **window):
        inputs = [normal(*x), normal(*weight)] + ([normal(bias)] if bias else [])
        golden.add(name, "conv2d", inputs, lambda *given: conv(*given, **window), **window)

    add("three by three, same size, bias", (2, 4, 5, 3), (4, 3, 3, 3), 4, padding=[1, 1, 1, 1])
    add("one by one", (2, 3, 2, 4), (5, 1, 1, 4))
    add("one by one, stride 2", (1, 5, 4, 3), (2, 1, 1, 3), 2, stride=[2, 2])
    add("stride 2 of an even size", (1, 6, 6, 2), (3, 3, 3, 2), stride=[2, 2], padding=[1, 1, 1, 1])
    add("down-sampling pads below and right", (1, 6, 6, 2), (2, 3, 3, 2), 2, stride=[2, 2], padding=[0, 1, 0, 1])
    add("unequal strides", (1, 7, 8, 2), (2, 2, 3, 2), stride=[3, 2])
    add("stride larger than the window", (1, 8, 7, 1), (2, 2, 1, 1), stride=[3, 4])
    add("four unequal paddings", (1, 3, 4, 2), (2, 3, 2, 2), 2, padding=[2, 0, 1, 3])
    add("padding beyond the window", (1, 2, 3, 1), (1, 2, 2, 1), padding=[3, 2, 2, 4])
    add("dilation", (1, 7, 6, 2), (2, 3, 2, 2), dilation=[2, 3])
    add("dilation, stride and padding", (2, 6, 7, 2), (3, 3, 2, 2), 3, stride=[2, 1], padding=[1, 0, 2, 1],
        dilation=[1, 2])
    add("two groups", (1, 4, 5, 4), (6, 2, 3, 2), 6, groups=2, padding=[0, 1, 1, 0])
    add("groups, dilation, stride", (2, 5, 6, 6), (3, 2, 3, 2), groups=3, stride=[1, 2], dilation=[2, 1])
    add("one channel a group", (1, 4, 4, 3), (3, 3, 3, 1), groups=3, padding=[1, 1, 1, 1])
    add("more filters a group", (1, 3, 4, 2), (6, 2, 2, 1), groups=2)
    add("window larger than the image", (1, 2, 3, 2), (2, 5, 5, 2), 2, padding=[2, 2, 2, 2])
    add("window as large as the image", (2, 3, 4, 2), (3, 3, 4, 2))
    add("one pixel", (1, 1, 1, 3), (2, 3, 3, 3), padding=[1, 1, 1, 1])
    add("a row", (1, 1, 9, 2), (2, 1, 4, 2), stride=[1, 2], padding=[0, 0, 3, 0])


def add_conv_gradients(golden):
    def image(name, dy, weight, **more):
        golden.add(name, "conv2d_input_grad", [normal(*dy), normal(*weight)],
                   lambda *given: image_gradient(*given, **more), **more)

    def weight(name, x, dy, **more):
        golden.add(name, "conv2d_weight_grad", [normal(*x), normal(*dy)],
                   lambda *given: weight_gradient(*given, **more), **more)

    image("rows that no window reaches", (1, 2, 2, 3), (3, 2, 2, 2), size=[6, 5], stride=[3, 2])
    image("groups and padding", (2, 4, 3, 6), (6, 2, 3, 2), size=[5, 6], stride=[1, 2], padding=[0, 1, 1, 0],
          dilation=[2, 1], groups=2)
    weight("stride and padding", (1, 5, 6, 2), (1, 3, 3, 3), window=[3, 3], stride=[2, 2], padding=[1, 1, 1, 0])
    weight("groups and dilation", (2, 6, 5, 4), (2, 2, 5, 2), window=[3, 2], padding=[0, 0, 1, 0], dilation=[2, 1],
           groups=2)

    def upwards(name, x, weight, bias=None, **more):
        symmetric = dict(more, padding=more["padding"][::2]) if "padding" in more else more
        inputs = [normal(*x), normal(*weight)] + ([normal(bias)] if bias else [])
        golden.add(name, "conv_transpose2d", inputs, lambda *given: transposed(*given, **symmetric), **more)

    upwards("plain", (1, 3, 2, 2), (2, 2, 3, 3))
    upwards("doubling, bias", (1, 3, 4, 2), (2, 4, 4, 3), 3, stride=[2, 2], padding=[1, 1, 1, 1])
    upwards("output padding", (2, 3, 2, 3), (3, 3, 3, 2), 2, stride=[2, 3], padding=[1, 1, 0, 0], output_padding=[1, 2])
    upwards("groups and dilation", (1, 3, 3, 4), (4, 2, 3, 1), 2, groups=2, dilation=[2, 1], padding=[1, 1, 2, 2])


def add_pooling(golden):
    def largest(name, x, window, stride=None, padding=(0, 0, 0, 0)):
        attributes = {"window": list(window), "padding": list(padding)} | ({"stride": list(stride)} if stride else {})
        golden.add(name, "pool2d", [x], lambda given: LAST(F.max_pool2d(
            padded(FIRST(given), padding, float("-inf")), window, stride)), kind="max", **attributes)

    largest("largest of two by two", normal(2, 4, 6, 2), (2, 2))
    largest("largest, overlapping", normal(1, 5, 6, 2), (3, 2), (1, 1))
    largest("largest, padded unequally", normal(1, 5, 4, 2), (3, 3), (2, 2), (1, 2, 0, 1))
    largest("largest, gaps between windows", normal(1, 7, 6, 2), (2, 1), (3, 2))
    largest("largest, ties go to the first", ties(2, 5, 6, 2), (3, 3), (1, 2))
    largest("largest, all equal and padded", ties(1, 4, 4, 1, levels=1), (3, 3), (1, 1), (1, 1, 1, 1))
    golden.add("largest, sizes rounded up", "pool2d", [ties(1, 6, 5, 2)],
               lambda x: LAST(F.max_pool2d(FIRST(x), (3, 2), (2, 2), ceil_mode=True)),
               kind="max", window=[3, 2], stride=[2, 2], padding=[0, 1, 0, 1])

    def average(name, x, window, stride, padding, counted=False, rounded_up=None):
        attributes = {"padding": [padding[0], padding[0], padding[1], padding[1]] if not rounded_up else rounded_up}
        golden.add(name, "pool2d", [normal(*x)], lambda given: LAST(F.avg_pool2d(
            FIRST(given), window, stride, padding, ceil_mode=bool(rounded_up), count_include_pad=counted)),
            kind="average", window=window, stride=stride, count_include_pad=counted, **attributes)

    average("average of two by two", (2, 4, 4, 3), [2, 2], [2, 2], (0, 0))
    average("average, padding counted", (1, 5, 4, 2), [3, 3], [2, 1], (1, 1), True)
    average("average, padding not counted", (1, 5, 4, 2), [3, 3], [2, 1], (1, 1))
    average("average, sizes rounded up", (1, 6, 5, 2), [3, 2], [2, 2], (0, 0), False, [0, 1, 0, 1])

    def adaptive(name, x, size, kind):
        function = F.adaptive_avg_pool2d if kind == "average" else F.adaptive_max_pool2d
        golden.add(name, "pool2d", [x], lambda given: LAST(function(FIRST(given), size)), kind=kind, output_size=size)

    adaptive("adaptive average", normal(2, 5, 7, 2), [3, 4], "average")
    adaptive("adaptive average to one", normal(2, 3, 4, 3), [1, 1], "average")
    adaptive("adaptive average, upwards", normal(1, 2, 3, 2), [5, 4], "average")
    adaptive("adaptive largest", normal(1, 7, 5, 2), [3, 2], "max")
    adaptive("adaptive largest, ties", ties(1, 5, 5, 2), [3, 3], "max")


def add_resizing(golden):
    def add(name, x, size, kind, corners=False):
        more = {} if kind == "nearest" else {"align_corners": corners}
        golden.add(name, "resize", [normal(*x)], lambda given: LAST(F.interpolate(
            FIRST(given), size, mode=kind, **more)), kind=kind, size=size, **more)

    add("nearest, doubled", (2, 3, 2, 2), [6, 4], "nearest")
    add("nearest, odd factors", (1, 4, 5, 2), [7, 3], "nearest")
    add("nearest, smaller", (1, 6, 7, 1), [4, 2], "nearest")
    add("bilinear, doubled", (1, 3, 4, 2), [6, 8], "bilinear")
    add("bilinear, odd factors", (2, 4, 3, 2), [7, 5], "bilinear")
    add("bilinear, smaller", (1, 7, 6, 2), [3, 4], "bilinear")
    add("bilinear, corners stay", (1, 3, 4, 2), [5, 7], "bilinear", True)
    add("bilinear, corners stay, smaller", (1, 7, 5, 1), [4, 2], "bilinear", True)
    add("bilinear, corners stay, one pixel", (1, 3, 4, 1), [1, 5], "bilinear", True)
    add("bilinear, same size", (1, 3, 4, 1), [3, 4], "bilinear")
    add("bilinear of one pixel", (1, 1, 1, 2), [3, 2], "bilinear")
    golden.add("around, with a number", "pad", [normal(2, 3, 2)],
               lambda x: F.pad(x, (2, 3, 0, 0, 1, 0), value=1.5), padding=[1, 0, 0, 0, 2, 3], value=1.5)


def add_all(golden):
    for add in (add_conv, add_conv_gradients, add_pooling, add_resizing):
        add(golden)
