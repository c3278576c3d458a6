"""Units in clusters: what goes together, what is set aside, and what can't be clustered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.clusters import cluster_units
from dgmtui.errors import UsageError

SAMPLES = 40


def activations() -> tuple[np.ndarray, np.ndarray]:
    """``[40, 33]``: units of three shapes at scales from 1e-3 to 1e6, and which shape each has."""
    random = np.random.default_rng(5)
    shapes = random.normal(size=(SAMPLES, 3))
    truth = np.repeat([0, 1, 2], [15, 10, 8])
    scales = 10.0 ** random.uniform(-3, 6, size=len(truth))
    values = (shapes[:, truth] + 0.05 * random.normal(size=(SAMPLES, len(truth)))) * scales + scales
    return values.astype(np.float32), truth


def test_units_of_one_shape_go_together_whatever_their_scale() -> None:
    values, truth = activations()
    made = cluster_units(values)
    assert made.labels.tolist() == truth.tolist(), "numbered by size, the largest first"
    assert [len(group.units) for group in made.groups] == [15, 10, 8]
    assert made.silhouette is not None and made.silhouette > 0.8
    assert (made.judged, made.clustered) == (33, 33)


def test_constant_and_non_finite_units_are_set_aside() -> None:
    values, truth = activations()
    values[:, 0], values[:, 20] = 0.0, 1e6
    values[3, 5], values[7, 30] = np.nan, np.inf
    made = cluster_units(values)
    kinds = {group.kind: group.units for group in made.groups}
    assert sorted(kinds["constant"]) == [0, 20]
    assert sorted(kinds["non-finite"]) == [5, 30]
    rest = np.setdiff1d(np.arange(33), [0, 20, 5, 30])
    for shape in range(3):
        assert len(set(made.labels[rest][truth[rest] == shape].tolist())) == 1


def test_the_unit_that_stands_for_its_cluster_comes_first() -> None:
    values, _ = activations()
    centred = (values - values.mean(0)) / values.std(0)
    for group in cluster_units(values).groups:
        members = centred[:, list(group.units)].T
        away = np.square(members - members.mean(axis=0)).sum(axis=1)
        assert (np.diff(away) >= -1e-4).all()


def test_numbers_stay_when_a_cluster_grows_past_another() -> None:
    values, truth = activations()
    before = cluster_units(values, 3).labels
    moved = values.copy()
    moved[:, :12] = values[:, 20:21] * np.linspace(1, 2, 12)  # shape 1 is the largest now
    assert np.bincount(cluster_units(moved, 3).labels).tolist() == [22, 8, 3]
    kept = cluster_units(moved, 3, before).labels
    assert (kept[12:] == truth[12:]).all()
    assert (kept[:12] == 1).all()


def test_numbers_stay_when_clusters_come_and_go() -> None:
    values, truth = activations()
    three = cluster_units(values, 3).labels
    two = cluster_units(values, 2, three).labels
    assert set(two.tolist()) < {0, 1, 2}
    again = cluster_units(values, 3, two).labels
    assert len(set(again.tolist())) == 3
    assert (again == two).mean() > 0.5


@pytest.mark.parametrize(
    ("values", "k", "says"),
    [
        (np.zeros((4, 0)), None, "there are no units"),
        (np.full((4, 3), np.nan), None, "all 3 units are non-finite"),
        (np.full((4, 1), np.inf), None, "the only unit is non-finite"),
        (np.eye(3), 4, "-k takes a number from 1 to 3"),
        (np.eye(3), 0, "-k takes a number from 1 to 3"),
        (np.ones((4, 5)), 2, "-k takes a number from 1 to 1"),
    ],
)
def test_what_cannot_be_clustered_is_one_sentence(values: np.ndarray, k: int | None, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        cluster_units(values, k)


@pytest.mark.parametrize("values", [np.ones((4, 1)), np.arange(4.0)[:, None], np.ones((1, 6)), np.zeros((5, 7))])
def test_a_single_unit_or_nothing_but_constant_ones_are_one_cluster(values: np.ndarray) -> None:
    made = cluster_units(values)
    assert [sorted(group.units) for group in made.groups] == [list(range(values.shape[1]))]
    assert made.silhouette is None


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 2**31), st.booleans())
def test_every_unit_is_in_one_cluster(samples: int, units: int, seed: int, holes: bool) -> None:
    random = np.random.default_rng(seed)
    values = random.integers(-2, 3, size=(samples, units)).astype(float)
    if holes:
        values[random.random(values.shape) < 0.1] = np.nan
    try:
        made = cluster_units(values)
    except UsageError:
        assert not np.isfinite(values).all(axis=0).any()
        return
    assert sorted(unit for group in made.groups for unit in group.units) == list(range(units))
    assert all((made.labels[list(group.units)] == group.number).all() for group in made.groups)
