#!/usr/bin/env python3
"""read_png.py FILE: what is in a PNG file, one thing a line, read without any library for pictures.

size WIDTH HEIGHT CHANNELS, chunk TYPE in their order, text KEYWORD HEX, pixels HEX. Fails if a CRC is wrong, a chunk is
not whole, or something follows the last one.
"""

import struct
import sys
import zlib

CHANNELS = {0: 1, 2: 3, 6: 4}


def chunks_of(data):
    """(type, content) of each chunk, the CRCs checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no signature"
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + size]
        (crc,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert crc == zlib.crc32(kind + content), f"the CRC of {kind} is wrong"
        yield kind.decode(), content
        at += 12 + size
        assert (kind == b"IEND") == (at == len(data)), "IEND is not the end"


def text_of(kind, content):
    """Keyword and text in bytes."""
    keyword, rest = content.split(b"\0", 1)
    if kind == "tEXt":
        assert b"\0" not in rest, "a NUL in a text"
        return keyword, rest
    assert rest[:2] == b"\0\0", "the text is compressed"
    _language, _translated, text = rest[2:].split(b"\0", 2)
    text.decode("utf-8")
    return keyword, text


def paeth(left, above, corner):
    guess = left + above - corner
    return min((left, above, corner), key=lambda near: abs(guess - near))


def unfiltered(data, width, height, channels):
    """The rows without their filters."""
    stride = width * channels
    assert len(data) == height * (stride + 1), "not as many bytes as pixels"
    before, out = bytearray(stride), bytearray()
    for row in range(height):
        kind, line = data[row * (stride + 1)], bytearray(data[row * (stride + 1) + 1 : (row + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            corner = before[i - channels] if i >= channels else 0
            above = before[i]
            line[i] = (line[i] + (0, left, above, (left + above) // 2, paeth(left, above, corner))[kind]) & 255
        out += line
        before = line
    return out


def size_of(chunks):
    """Width, height and channels."""
    kind, header = chunks[0]
    assert kind == "IHDR", "IHDR is not the first"
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    assert (depth, compression, filtering, interlace) == (8, 0, 0, 0), "another kind of PNG"
    return width, height, CHANNELS[colour]


def pixels_of(chunks):
    """The bytes of all pixels, row by row."""
    data = zlib.decompress(b"".join(content for kind, content in chunks if kind == "IDAT"))
    return unfiltered(data, *size_of(chunks))


def main():
    with open(sys.argv[1], "rb") as file:
        chunks = list(chunks_of(file.read()))
    print("size", *size_of(chunks))
    for kind, content in chunks:
        print("chunk", kind)
        if kind in ("tEXt", "iTXt"):
            keyword, text = text_of(kind, content)
            print("text", keyword.hex(), text.hex())
    print("pixels", pixels_of(chunks).hex())


if __name__ == "__main__":
    main()
