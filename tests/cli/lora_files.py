"""Small safetensors files for the tests: LoRAs, and checkpoints with some of their weights changed."""
import json
import pathlib
import struct


def f32(number):
    """Rounded as a float of 32 bits holds it."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def read(file):
    """The header and the data of a file."""
    data = pathlib.Path(file).read_bytes()
    size, = struct.unpack_from("<Q", data)
    return json.loads(data[8:8 + size]), data[8 + size:]


def write(file, tensors, metadata=None):
    """tensors: (shape, numbers) by name, stored as F32."""
    header, data = {"__metadata__": metadata or {}}, b""
    for name, (shape, numbers) in sorted(tensors.items()):
        content = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    pathlib.Path(file).write_bytes(struct.pack("<Q", len(text)) + text + data)


def numbers_for(count, seed):
    """Small numbers that differ, each a float of 32 bits."""
    return [f32(((i * 37 + seed * 101) % 53 - 26) / 40) for i in range(count)]


def pair(shape, seed):
    """Both halves of rank 1 for a weight of that shape, as (down, up)."""
    inner = 1
    for size in shape[1:]:
        inner *= size
    down_shape, up_shape = [1, *shape[1:]], [shape[0], 1, *[1] * (len(shape) - 2)]
    return (down_shape, numbers_for(inner, seed)), (up_shape, numbers_for(shape[0], seed + 1))


def merged(file, changes, out):
    """Writes `file` again with factor * up * down added to weights: changes is a list of (key, pair, factor). Each
    product and each sum is rounded to 32 bits."""
    header, data = read(file)
    size, = struct.unpack_from("<Q", pathlib.Path(file).read_bytes())
    data = bytearray(data)
    for key, ((_, down), (_, up)), factor in changes:
        assert header[key]["dtype"] == "F32", key
        begin, end = header[key]["data_offsets"]
        numbers = list(struct.unpack(f"<{(end - begin) // 4}f", data[begin:end]))
        for row, above in enumerate(up):
            scaled = f32(factor * above)
            for i, below in enumerate(down):
                at = row * len(down) + i
                numbers[at] = f32(numbers[at] + f32(scaled * below))
        data[begin:end] = struct.pack(f"<{len(numbers)}f", *numbers)
    pathlib.Path(out).write_bytes(pathlib.Path(file).read_bytes()[:8 + size] + data)
