"""The order of a matrix: like beside like."""

import numpy as np

from dgmtui.clusters import ordered
from dgmtui.clusters.seriation import MOST


def test_rows_of_a_shuffled_band_come_back_in_order() -> None:
    place = np.arange(30)
    band = np.exp(-(((place[:, None] - np.linspace(0, 29, 60)) / 4.0) ** 2))
    shuffled = np.random.default_rng(2).permutation(30)
    found = shuffled[ordered(band[shuffled])]
    assert found.tolist() in (place.tolist(), place[::-1].tolist())


def test_very_many_rows_are_ordered_by_their_greatest() -> None:
    matrix = np.random.default_rng(1).random((MOST + 1, 4))
    assert (np.diff(matrix[ordered(matrix)].argmax(axis=1)) >= 0).all()


def test_nothing_is_lost_where_values_are_not_finite() -> None:
    matrix = np.array([[1.0, np.nan], [np.inf, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert sorted(ordered(matrix).tolist()) == [0, 1, 2, 3]
    assert ordered(np.zeros((2, 0))).tolist() == [0, 1]
