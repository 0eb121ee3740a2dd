"""The random numbers of the op `random` in numpy: Philox 4x32-10 and what is made of its words."""
import numpy

MASK = numpy.uint64(0xFFFFFFFF)


def words(seed, counter, stream, blocks):
    """Four words for each of the blocks 0 … blocks - 1, as [blocks, 4]."""
    block = numpy.arange(blocks, dtype=numpy.uint64)
    state = [block & MASK, block >> numpy.uint64(32), numpy.full(blocks, counter & 0xFFFFFFFF, numpy.uint64),
             numpy.full(blocks, stream, numpy.uint64)]
    key = [seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF]
    for _ in range(10):
        left, right = numpy.uint64(0xD2511F53) * state[0], numpy.uint64(0xCD9E8D57) * state[2]
        state = [(right >> numpy.uint64(32)) ^ state[1] ^ numpy.uint64(key[0]), right & MASK,
                 (left >> numpy.uint64(32)) ^ state[3] ^ numpy.uint64(key[1]), left & MASK]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return numpy.stack(state, axis=1)


def normal(seed, counter, stream, shape):
    """f32 normal numbers in row-major order of `shape`, as the op gives them."""
    count = int(numpy.prod(shape))
    parts = words(seed, counter, stream, (count + 3) // 4) >> numpy.uint64(8)
    radius = numpy.sqrt(-2 * numpy.log((parts[:, 0::2].astype(numpy.float64) + 1) * 2.0**-24))
    angle = 2 * numpy.pi * parts[:, 1::2].astype(numpy.float64) * 2.0**-24
    pairs = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=2)
    return pairs.reshape(-1)[:count].astype(numpy.float32).reshape(shape)


def uniform(seed, counter, stream, row):
    """The first word of one block, in [0, 1)."""
    return float(words(seed, counter, stream, row + 1)[row, 0] >> numpy.uint64(8)) * 2.0**-24
