"""Rounding against a slow implementation of its own, and what it must never do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dgmtui.recording.rounding import (
    MANTISSA,
    bits_to_keep,
    free_entropy,
    information,
    joint_counts,
    mantissa_bits,
    rounded,
)

FLOATS = arrays(np.float32, array_shapes(max_dims=2, max_side=6), elements=st.floats(width=32, allow_subnormal=True))
LARGEST = float(np.finfo(np.float32).max)


def slowly_rounded(value: float, keep: int) -> float:
    """The nearest number with so many bits after the leading one, to even, by Python's exact fractions of two."""
    if not math.isfinite(value) or value == 0:
        return value
    step = math.ldexp(1.0, max(math.frexp(value)[1] - 1, -126) - keep)
    nearest = round(value / step) * step  # Python's round is to even
    if keep == 0 and abs(value) >= 2.0**-126:
        nearest = keep_no_bits(value)
    if abs(nearest) > LARGEST:
        nearest = math.copysign(math.floor(abs(value) / step) * step, value)
    return value if nearest == 0 else nearest


def keep_no_bits(value: float) -> float:
    """Powers of two: what lies in the middle goes to the one with an even exponent field."""
    exponent = math.frexp(value)[1] - 1
    share = abs(value) / math.ldexp(1.0, exponent)
    up = share > 1.5 or (share == 1.5 and (exponent + 127) % 2 == 1)
    return math.copysign(math.ldexp(1.0, exponent + up), value)


@given(FLOATS, st.integers(0, MANTISSA))
def test_values_are_rounded_to_nearest(values: np.ndarray, keep: int) -> None:
    with np.errstate(invalid="ignore"):
        result = rounded(values, keep)
    assert result.dtype == np.float32 and result.shape == values.shape
    slow = np.array([slowly_rounded(float(v), keep) for v in values.ravel()], np.float64).reshape(values.shape)
    np.testing.assert_array_equal(result.astype(np.float64), slow)


@given(FLOATS, st.integers(0, MANTISSA))
def test_what_must_stay_stays(values: np.ndarray, keep: int) -> None:
    result = rounded(values, keep)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(values))
    np.testing.assert_array_equal(np.isinf(result), np.isinf(values))
    np.testing.assert_array_equal(np.signbit(result), np.signbit(values))
    np.testing.assert_array_equal(result == 0, values == 0)
    np.testing.assert_array_equal(rounded(result, keep).view(np.uint32), result.view(np.uint32), "once is enough")
    finite = np.isfinite(values) & (np.abs(values) > 1e-37)
    with np.errstate(invalid="ignore"):
        error = np.abs(result[finite].astype(float) - values[finite]) / np.abs(values[finite].astype(float))
    assert (error <= 2.0 ** -(keep + 1) * (1 if keep else 2)).all() or (np.abs(values) > LARGEST / 4).any()


def test_extremes() -> None:
    values = np.array([LARGEST, -LARGEST, np.inf, -np.inf, 1e-45, -1e-45, 0.0, -0.0, np.float32(3e38)], np.float32)
    for keep in range(MANTISSA + 1):
        result = rounded(values, keep)
        assert np.isfinite(result[[0, 1, 4, 5, 8]]).all() and (result[[4, 5]] != 0).all()
        assert np.isinf(result[2:4]).all() and np.signbit(result).tolist() == np.signbit(values).tolist()
    payload = np.array([0x7F80_0001, 0xFFC1_2345], np.uint32).view(np.float32)
    np.testing.assert_array_equal(rounded(payload, 1).view(np.uint32), payload.view(np.uint32))


def slow_information(values: np.ndarray) -> list[float]:
    """Mutual information of each bit with the next value's, pair by pair."""
    pairs = [
        (f"{a.view(np.uint32):032b}", f"{b.view(np.uint32):032b}")
        for column in values.T
        for a, b in zip(column[:-1], column[1:], strict=True)
        if np.isfinite(a) and np.isfinite(b) and a != 0 and b != 0
    ]
    if not pairs:
        return [0.0] * 32
    found = []
    for bit in range(32):
        seen = [(a[bit], b[bit]) for a, b in pairs]
        n, total = len(seen), 0.0
        for r in "01":
            for s in "01":
                joint = seen.count((r, s)) / n
                left, right = sum(a == r for a, _ in seen) / n, sum(b == s for _, b in seen) / n
                total += joint * math.log2(joint / (left * right)) if joint else 0.0
        p = min(1.0, 0.5 + 2.5758293035489 / (2 * math.sqrt(n)))
        chance = 1 + (p * math.log2(p) + (1 - p) * math.log2(1 - p) if p < 1 else 0.0)
        found.append(total if total > chance else 0.0)
    return found


@given(arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 3)), elements=st.floats(-4, 4, width=32)))
def test_the_information_is_that_of_the_paper(values: np.ndarray) -> None:
    np.testing.assert_allclose(information(joint_counts(values)), slow_information(values), atol=1e-9)


def test_free_entropy_is_what_chance_gives() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2**32, (4000, 8), np.uint32) & np.uint32(0xBFFF_FFFF)  # finite
    real = information(joint_counts(noise.view(np.float32)))
    assert np.count_nonzero(real) <= 2 and real.max() < 10 * free_entropy(32_000)


@pytest.mark.parametrize("bits", [3, 7, 12])
def test_as_many_bits_are_kept_as_carry_the_signal(bits: int) -> None:
    """A slow curve known to so many bits, the rest of them drawn at random."""
    rng = np.random.default_rng(bits)
    curve = (1.5 + 0.4 * np.sin(np.arange(20_000) / 20_000 * 3))[:, None].astype(np.float32)
    signal = curve.view(np.uint32) & ~np.uint32((1 << (MANTISSA - bits)) - 1)
    noisy = (signal | rng.integers(0, 1 << (MANTISSA - bits), signal.shape, np.uint32)).view(np.float32)
    assert abs(mantissa_bits([noisy]) - bits) <= 1
    assert mantissa_bits([noisy[:10_000], noisy[10_000:]]) == mantissa_bits([noisy])


def test_nothing_is_dropped_where_nothing_is_known() -> None:
    constant = np.full((100, 3), 1.1, np.float32)
    for values in (constant, constant[:1], constant[:0], np.zeros((50, 2), np.float32), constant * np.nan):
        assert mantissa_bits([values]) == MANTISSA
    assert bits_to_keep(np.zeros(32)) == MANTISSA
    assert bits_to_keep(np.eye(32)[1]) == 0 and bits_to_keep(np.eye(32)[12]) == 4
