"""Planted motifs are found, of the right kind, at the right time, in the right units."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.findings.model import Finding, Severity
from dgmtui.findings.motifs import Group, change_before, patterns_of
from dgmtui.findings.motifs.jumps import running_median
from dgmtui.findings.motifs.model import Place, Table
from dgmtui.findings.thresholds import DEFAULT

ROWS, UNITS = 200, 40


def table_of(values: np.ndarray, signed: bool = False, module: str = "layer") -> Table:
    count, rows = values.shape
    place = Place(module, "activation", "mean" if signed else "rms", True, count)
    return Table(
        (place,), np.zeros(count, int), np.arange(count), 10 * np.arange(rows), values.astype(np.float32), signed
    )


def groups_of(*tables: Table) -> tuple[Group, ...]:
    return patterns_of(tables, rows=ROWS).groups


def noise(seed: int, level: float = 1.0, size: float = 0.05) -> np.ndarray:
    return level * np.exp(size * np.random.default_rng(seed).standard_normal((UNITS, ROWS)))


def assert_nearly_all(units: tuple[int, ...], count: int) -> None:
    """At least four of five that were changed, and none that was not."""
    assert set(units) <= set(range(count)) and len(units) >= 0.8 * count - 1


PLACES = st.integers(40, 150)
SEEDS = st.integers(0, 2**20)
MEMBERS = st.integers(5, UNITS)


@settings(max_examples=30)
@given(row=PLACES, count=MEMBERS, factor=st.sampled_from([0.2, 0.5, 2.0, 10.0]), size=st.floats(0.01, 0.06), seed=SEEDS)
def test_a_step_is_found_at_its_row_in_its_units(row: int, count: int, factor: float, size: float, seed: int) -> None:
    values = noise(seed, 3.0, size)
    values[:count, row:] *= factor
    (group,) = [g for g in groups_of(table_of(values)) if g.kind == "step"]
    (part,) = group.parts
    assert group.iteration == 10 * row
    assert_nearly_all(part.units, count)
    assert part.rising == (len(part.units) if factor > 1 else 0)
    assert part.after / part.before == pytest.approx(factor, rel=0.3)


@settings(max_examples=30)
@given(row=PLACES, count=MEMBERS, size=st.floats(0.3, 3.0), up=st.booleans(), seed=SEEDS)
def test_a_spike_of_signed_series_is_found(row: int, count: int, size: float, up: bool, seed: int) -> None:
    values = size * np.random.default_rng(seed).standard_normal((UNITS, ROWS))
    values[:count, row] += 20 * size * (1 if up else -1)
    (group,) = groups_of(table_of(values, signed=True))
    assert (group.kind, group.iteration) == ("spike", 10 * row)
    assert_nearly_all(group.parts[0].units, count)
    assert group.parts[0].rising == (len(group.parts[0].units) if up else 0)


@settings(max_examples=20)
@given(row=st.integers(60, 120), seed=SEEDS, up=st.booleans())
def test_a_drift_begins_within_some_rows_of_where_it_does(row: int, seed: int, up: bool) -> None:
    values = np.log(noise(seed, 1.0, 0.02))
    ramp = 0.02 * np.arange(ROWS - row)
    values[:8, row:] += ramp if up else -ramp
    (group,) = [g for g in groups_of(table_of(np.exp(values))) if g.kind == "drift"]
    assert abs(group.iteration - 10 * row) <= 10 * 12
    assert set(range(8)) >= set(group.parts[0].units) and len(group.parts[0].units) >= 4
    assert group.parts[0].rising == (len(group.parts[0].units) if up else 0)


@pytest.mark.parametrize("period", [2.5, 4.0, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_an_oscillation_is_found_with_its_period(period: float, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((UNITS, ROWS))
    values[:10] += 4 * np.sin(2 * np.pi * np.arange(ROWS) / period)
    (group,) = [g for g in groups_of(table_of(values, signed=True)) if g.kind == "oscillation"]
    assert group.period == pytest.approx(10 * period, rel=0.1)
    assert set(group.parts[0].units) == set(range(10))


def test_what_comes_to_rest_is_a_plateau() -> None:
    values = noise(0)
    values[:6, 120:] = 0.0
    kinds = {g.kind: g for g in groups_of(table_of(values))}
    assert {"plateau", "step"} <= kinds.keys()
    assert kinds["plateau"].iteration == 1200 and set(kinds["plateau"].parts[0].units) == set(range(6))


def test_exponential_growth_and_what_becomes_nonfinite_diverge() -> None:
    values = noise(0)
    values[3, 120:] *= 1.1 ** np.arange(ROWS - 120)
    values[7, 180:] = math.inf
    groups = [g for g in groups_of(table_of(values)) if g.kind == "divergence"]
    assert [g.parts[0].units for g in groups] == [(3,), (7,)]
    assert 1200 <= groups[0].iteration <= 1300 and groups[1].iteration == 1800


def test_units_of_several_modules_are_one_group_and_the_earliest_change_is_first() -> None:
    a, b, c = noise(0), noise(1), noise(2)
    a[:12, 80:] *= 3
    b[5:10, 80:] *= 3
    c[:4, 150:] *= 3
    first, second = groups_of(table_of(c, module="c"), table_of(a, module="a"), table_of(b, module="b"))
    assert (first.iteration, second.iteration) == (800, 1500)
    assert first.units == {"a": set(range(12)), "b": set(range(5, 10))}
    assert [part.place.module for part in first.parts] == ["a", "b"]


def test_a_few_small_changes_that_chance_would_bring_together_are_no_group() -> None:
    values = np.random.default_rng(0).standard_normal((UNITS, ROWS))
    values[:2, 100] += 12
    assert groups_of(table_of(values, signed=True)) == ()


@pytest.mark.parametrize("fill", [math.nan, math.inf, 0.0, 1.0, 3e38])
@pytest.mark.parametrize("rows", [0, 1, 2, 24, 60])
def test_odd_series_raise_nothing_and_tell_nothing(fill: float, rows: int) -> None:
    assert groups_of(table_of(np.full((5, rows), fill))) == ()
    assert groups_of(table_of(np.full((5, rows), fill), signed=True)) == ()
    assert groups_of(table_of(np.zeros((0, rows)))) == ()


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30))
def test_the_running_median_is_the_median_of_five(values: list[float]) -> None:
    series = np.array([values], np.float32)
    padded = np.pad(series[0], 2, mode="edge")
    expected = [np.median(padded[i : i + 5]) for i in range(len(values))]
    assert running_median(series)[0].tolist() == expected


def test_a_recording_tells_its_groups_with_their_places(synthetic: Any) -> None:
    from dgmtui.findings.motifs import find_patterns
    from dgmtui.recording.model import Measure, Quantity

    random = np.random.default_rng(0)
    rms = {name: np.exp(0.05 * random.standard_normal((120, 16))) for name in ("a", "b")}
    rms["b"][70:, :9] *= 4
    series = {(name, Quantity.ACTIVATION, Measure.RMS): values for name, values in rms.items()}
    recording = synthetic({"a": ("Linear", 16), "b": ("Linear", 16)}, np.exp(-np.arange(120) / 50), series=series)
    found = find_patterns(recording)
    (group,) = found.groups
    assert (group.kind, group.iteration, group.units) == ("step", 70, {"b": set(range(9))})
    assert group.parts[0].place.name == "activation rms" and not found.too_few
    assert find_patterns(recording, module="a").groups == ()


def test_the_first_great_change_before_a_finding_precedes_it() -> None:
    a, b = noise(0), noise(1)
    a[:2, 150:] *= 3
    a[:12, 172:] *= 3
    b[:30, 180:] *= 3
    patterns = patterns_of([table_of(a, module="a"), table_of(b, module="b")], rows=ROWS)

    def before(kind: str, iteration: int, onset: int | None = None) -> int | None:
        found = change_before(
            Finding(kind, Severity.ERROR, iteration, "", "", onset), patterns, 10 * np.arange(ROWS), DEFAULT
        )
        return None if found is None else found.iteration

    assert before("loss_diverging", 1990, 1900) == 1800, "a change of 12 of 40 is less than half of one of 30 of 40"
    assert before("loss_diverging", 1790) == 1720
    assert before("loss_diverging", 1700) is None, "two units alone are no group"
    assert before("loss_diverging", 1715) == 1720, "the row of 1720 is the first to show that iteration"
    assert before("evaluation_mode", 1900) is None, "some are so from the start"
