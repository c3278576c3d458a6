"""Leaving out of float32 series the bits that carry no information, so that they compress.

After Klöwer, Razinger, Dominguez, Düben & Palmer, *Compressing atmospheric data into its real information content*,
Nature Computational Science 1, 713-724 (2021).
"""

import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

BITS, MANTISSA = 32, 23
KEPT_INFORMATION = 0.99
CONFIDENCE = 0.99
LARGEST_EXPONENT = np.uint32(0x7F80_0000)
MAGNITUDE = np.uint32(0x7FFF_FFFF)


def rounded(values: NDArray[np.float32], keep: int) -> NDArray[np.float32]:
    """Values to ``keep`` of their 23 mantissa bits, to nearest, ties to even.

    What is not finite, zeros and signs stay; nothing finite becomes infinite and nothing else becomes zero.
    """
    if keep >= MANTISSA:
        return values
    drop = np.uint32(MANTISSA - keep)
    bits = np.ascontiguousarray(values).view(np.uint32)
    kept = ~np.uint32((1 << int(drop)) - 1)
    half = np.uint32((1 << (int(drop) - 1)) - 1)
    nearest = (bits + half + ((bits >> drop) & np.uint32(1))) & kept
    finite = (bits & LARGEST_EXPONENT) != LARGEST_EXPONENT
    overflows = finite & ((nearest & LARGEST_EXPONENT) == LARGEST_EXPONENT)
    vanishes = (nearest & MAGNITUDE) == 0
    result = np.where(overflows, bits & kept, np.where(finite & ~vanishes, nearest, bits))
    return result.astype(np.uint32).view(np.float32).reshape(values.shape)


def joint_counts(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """``[32, 2, 2]``: of each bit, sign first, how often it is r in a value and s in the next one of its series.

    Args:
        values: ``[rows, units]``; pairs follow each other along the rows. Those with a zero or a non-finite value,
            which are not rounded, do not count.
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    usable = np.isfinite(values) & (values != 0)
    paired = usable[:-1] & usable[1:]
    before, after = bits[:-1][paired], bits[1:][paired]
    counts = np.zeros((BITS, 2, 2), np.int64)
    for place in range(BITS):
        shift = np.uint32(BITS - 1 - place)
        pairs = 2 * ((before >> shift) & np.uint32(1)) + ((after >> shift) & np.uint32(1))
        counts[place] = np.bincount(pairs, minlength=4).reshape(2, 2)
    return counts


def information(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """``[32]``: the real information of each bit, in bits; what chance alone may give counts as none.

    It is the mutual information of a bit with that of the next value. Of n pairs of independent bits the share of
    ones may stray from a half to p within the confidence, which leaves 1 - H(p) bits, the binomial free entropy.
    """
    pairs = int(counts[0].sum())
    if pairs == 0:
        return np.zeros(BITS)
    joint = counts / pairs
    independent = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log2(joint / independent), 0.0)
    mutual: NDArray[np.float64] = terms.sum(axis=(1, 2))
    return np.where(mutual > free_entropy(pairs), mutual, 0.0)


def free_entropy(pairs: int) -> float:
    """What so many pairs of fair, independent coins may seem to know of each other, in bits."""
    stray = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = min(1.0, 0.5 + stray / (2 * math.sqrt(pairs)))
    entropy = sum(-p * math.log2(p) for p in (share, 1 - share) if p > 0)
    return 1 - entropy


def bits_to_keep(real: NDArray[np.float64]) -> int:
    """How many mantissa bits hold, with sign and exponent, 99 % of the real information; all where there is none."""
    total = float(real.sum())
    if total <= 0:
        return MANTISSA
    held = np.cumsum(real) / total
    last = int(np.argmax(held >= KEPT_INFORMATION - 1e-12))
    return max(0, last - (BITS - 1 - MANTISSA))


def mantissa_bits(blocks: Iterable[NDArray[np.float32]]) -> int:
    """How many mantissa bits of a series, given in blocks ``[rows, units]``, are to be kept."""
    counts = np.zeros((BITS, 2, 2), np.int64)
    for block in blocks:
        counts += joint_counts(block)
    return bits_to_keep(information(counts))
