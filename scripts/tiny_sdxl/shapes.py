"""Pictures of coloured shapes on white, drawn from signed distances on any device, and the captions that belong to them."""
import math

import torch

SIZE = 128
COLOURS = {"red": (220, 30, 30), "green": (30, 150, 50), "blue": (40, 70, 220), "yellow": (240, 210, 30), "orange": (245, 130, 20),
           "purple": (130, 40, 170), "pink": (245, 130, 190), "brown": (125, 75, 35), "grey": (140, 140, 140), "black": (20, 20, 20)}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
SIZES = {"small": 18.0, "large": 38.0}  # half of the width, in pixels
SIZES_OF_TWO = {"small": 16.0, "large": 27.0}
PLACES = ("above", "left of")
BACKGROUND = " on a white background"


def polygon(x, y, corners):
    """The signed distance to a closed line of corners, negative inside."""
    nearest, sign = torch.full_like(x, 1e9), torch.ones_like(x)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        along = ((wx * ex + wy * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        nearest = torch.minimum(nearest, (wx - ex * along) ** 2 + (wy - ey * along) ** 2)
        crosses = ((wy >= 0) & (y < by) & (ex * wy > ey * wx)) | ((wy < 0) & (y >= by) & (ex * wy < ey * wx))
        sign = torch.where(crosses, -sign, sign)
    return sign * nearest.sqrt()


def star_corners():
    turns = [math.pi * k / 5 for k in range(10)]
    return [((1.0 if k % 2 == 0 else 0.45) * math.sin(t), -(1.0 if k % 2 == 0 else 0.45) * math.cos(t)) for k, t in enumerate(turns)]


def distances(x, y):
    """The signed distance to each of SHAPES with half-width 1, as one more first axis."""
    radius = (x * x + y * y).sqrt()
    ax, ay = x.abs(), y.abs()
    bars = torch.minimum(torch.maximum(ax - 0.95, ay - 0.32), torch.maximum(ax - 0.32, ay - 0.95))
    return torch.stack([radius - 0.95, torch.maximum(ax, ay) - 0.85, polygon(x, y, [(0.0, -0.95), (0.95, 0.75), (-0.95, 0.75)]),
                        polygon(x, y, star_corners()), bars, (radius - 0.72).abs() - 0.22])


def paint(canvas, distance_px, colour):
    """Lays a colour [batch, 3] over the canvas [batch, 3, height, width] where the distance is negative, with a soft edge."""
    cover = (0.5 - distance_px).clamp(0, 1)[:, None]
    return canvas * (1 - cover) + colour[:, :, None, None] * cover


def grid(device):
    axis = torch.arange(SIZE, device=device, dtype=torch.float32) + 0.5
    return axis[None, None, :], axis[None, :, None]


def draw(shape, colour, centre_x, centre_y, half):
    """One picture for each row: indices [batch, parts] into SHAPES (-1 is none) and COLOURS, places and half-widths in pixels.
    Numbers from -1 to 1."""
    device = shape.device
    table = torch.tensor(list(COLOURS.values()), device=device, dtype=torch.float32) / 127.5 - 1
    x, y = grid(device)
    canvas = torch.ones(len(shape), 3, SIZE, SIZE, device=device)
    for part in range(shape.shape[1]):
        size = half[:, part, None, None]
        all_shapes = distances((x - centre_x[:, part, None, None]) / size, (y - centre_y[:, part, None, None]) / size)
        index = shape[:, part].clamp(min=0)[None, :, None, None].expand(1, -1, SIZE, SIZE)
        distance = all_shapes.gather(0, index)[0] * size
        distance = torch.where(shape[:, part, None, None] < 0, torch.full_like(distance, 1e3), distance)
        canvas = paint(canvas, distance, table[colour[:, part]])
    return canvas


def phrase(size, colour, shape):
    return "a " + (size + " " if size else "") + f"{colour} {shape}"


def batch(count, generator, device):
    """`count` pictures and their captions. Half show one shape, half two."""
    def whole(high, *size):
        return torch.randint(0, high, (count, *size), generator=generator, device=device)

    def real(low, high, *size):
        return low + (high - low) * torch.rand((count, *size), generator=generator, device=device)

    two = whole(2).bool()
    shape, colour = whole(len(SHAPES), 2), whole(len(COLOURS), 2)
    colour[:, 1] = (colour[:, 0] + 1 + whole(len(COLOURS) - 1)) % len(COLOURS)  # never the same twice
    large, place = whole(2, 2).bool(), whole(2)
    one_half = torch.where(large[:, :1], SIZES["large"], SIZES["small"])
    two_half = torch.where(large, SIZES_OF_TWO["large"], SIZES_OF_TWO["small"])
    half = torch.where(two[:, None], two_half, one_half.expand(-1, 2)) * real(0.92, 1.08, 2)
    alone = real(-1, 1, 2) * (SIZE / 2 - 4 - half[:, :1]).clamp(max=22)
    side = torch.tensor([-31.0, 31.0], device=device) + real(-2, 2, 2)
    across = real(-14, 14, 2)
    centre_x = torch.where(place[:, None] == 0, across, side)
    centre_y = torch.where(place[:, None] == 0, side, across)
    centre_x = SIZE / 2 + torch.where(two[:, None], centre_x, alone[:, :1])
    centre_y = SIZE / 2 + torch.where(two[:, None], centre_y, alone[:, 1:])
    shape[:, 1] = torch.where(two, shape[:, 1], -1)
    pictures = draw(shape, colour, centre_x, centre_y, half)
    names, sizes, says_size, says_white = list(COLOURS), ("small", "large"), whole(10, 2).tolist(), whole(4).tolist()
    captions = []
    for i, (s, c, l, p) in enumerate(zip(shape.tolist(), colour.tolist(), large.tolist(), place.tolist())):
        parts = [phrase(sizes[l[k]] if says_size[i][k] < 7 else "", names[c[k]], SHAPES[s[k]]) for k in range(2) if s[k] >= 0]
        captions.append(f" {PLACES[p]} ".join(parts) + (BACKGROUND if says_white[i] else ""))
    return pictures, captions


def clutter(count, generator, device):
    """Pictures for the autoencoder alone: several shapes turned, cut and stretched at will, so that it can hold what the UNet
    never saw."""
    x, y = grid(device)
    canvas = torch.ones(count, 3, SIZE, SIZE, device=device)

    def real(low, high):
        return (low + (high - low) * torch.rand(count, 1, 1, generator=generator, device=device))

    for _ in range(4):
        turn, half, wide = real(0, 6.3), real(8, 44), real(0.6, 1.6)
        dx, dy = x - real(10, SIZE - 10), y - real(10, SIZE - 10)
        u, v = (dx * turn.cos() + dy * turn.sin()) / half * wide, (dy * turn.cos() - dx * turn.sin()) / half
        picked = torch.randint(0, len(SHAPES), (2, count), generator=generator, device=device)[:, None, :, None, None]
        all_shapes = torch.stack([distances(u, v), distances(u * 1.2 + real(-0.8, 0.8), v * 1.2 + real(-0.8, 0.8))])
        chosen = all_shapes.gather(1, picked.expand(2, 1, count, SIZE, SIZE))[:, 0]
        cut = torch.where(real(0, 1) < 0.5, torch.maximum(chosen[0], -chosen[1]), chosen[0]) * half
        colour = torch.rand(count, 3, generator=generator, device=device) * 2 - 1
        canvas = paint(canvas, cut, colour)
    return canvas
