import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.sampling.distance import Space, distance_matrix


def brute(a, b):
    columns = len(a) // 2
    low, high = (a - b)[:columns], (a - b)[columns:]
    middle = (low + high) / 2
    total = sum((low[j] ** 2 + high[j] ** 2) / 2 for j in range(columns))
    total += sum((middle[j + 1] - middle[j]) ** 2 for j in range(columns - 1)) / 12
    return total / columns


@settings(max_examples=40)
@given(columns=st.integers(1, 32), count=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_the_product_agrees_with_brute_force(columns, count, seed):
    features = np.random.default_rng(seed).uniform(0, 200, (2 * columns, count)).astype(np.float32)
    original = features.astype(np.float64)
    space = Space(features)
    picks = np.arange(min(count, 3))
    expected = [[brute(original[:, i], original[:, p]) for i in range(count)] for p in picks]
    assert np.allclose(space.squared(picks), expected, atol=0.02, rtol=1e-5)
    points = space.exact(np.arange(count))
    assert np.allclose(
        ((points[:, None] - points[None, :3]) ** 2).sum(-1).T[: len(picks)], expected, rtol=1e-4, atol=1e-3
    )


def test_matrix_is_positive_definite():
    for columns in (1, 2, 32):
        assert np.linalg.eigvalsh(distance_matrix(columns)).min() > 0


@given(middle=st.floats(-200, 200), rise=st.floats(-200, 200))
def test_a_segments_mean_squared_gap_is_the_integral(middle, rise):
    nodes, weights = np.polynomial.legendre.leggauss(4)
    integral = (weights * (middle + rise * nodes / 2) ** 2).sum() / 2
    # Two columns whose extremes coincide: the slope's share of D² is the segment's Δs²/12.
    gap = np.array([middle - rise / 2, middle + rise / 2] * 2)
    ends = (gap[:2] ** 2).mean()
    slope_share = 2 * float(gap @ distance_matrix(2) @ gap) - 2 * ends
    assert np.isclose(middle**2 + slope_share, integral, atol=1e-6)
