"""On noise of every usual colour hardly any group is reported."""

from collections.abc import Callable

import numpy as np
import pytest

from dgmtui.findings.motifs import patterns_of
from dgmtui.findings.motifs.model import Place, Table

SERIES = 400


def table_of(values: np.ndarray, signed: bool, iterations: np.ndarray | None = None) -> Table:
    """One module's units, a series each."""
    count, rows = values.shape
    place = Place("layer", "activation", "mean" if signed else "rms", True, count)
    at = 10 * np.arange(rows) if iterations is None else iterations
    return Table((place,), np.zeros(count, int), np.arange(count), at, values.astype(np.float32), signed)


def autoregressive(random: np.random.Generator, rows: int, memory: float) -> np.ndarray:
    noise = random.standard_normal((SERIES, rows))
    values = np.zeros_like(noise)
    values[:, 0] = noise[:, 0] / np.sqrt(1 - memory**2)
    for row in range(1, rows):
        values[:, row] = memory * values[:, row - 1] + noise[:, row]
    return values


def white(random: np.random.Generator, rows: int) -> np.ndarray:
    return random.standard_normal((SERIES, rows))


def walk(random: np.random.Generator, rows: int) -> np.ndarray:
    return np.cumsum(white(random, rows), axis=1)


SIGNED: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "white": white,
    "AR(0.5)": lambda random, rows: autoregressive(random, rows, 0.5),
    "AR(0.95)": lambda random, rows: autoregressive(random, rows, 0.95),
    "random walk": walk,
}
MAGNITUDES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "multiplicative": lambda random, rows: np.exp(0.5 * white(random, rows)),
    "AR(0.9) in logarithms": lambda random, rows: np.exp(0.3 * autoregressive(random, rows, 0.9)),
    "a weight's slow drift": lambda random, rows: 5 + 0.01 * walk(random, rows) + 0.01 * np.arange(rows),
    "a drift that slows down": lambda random, rows: 5 + 0.01 * walk(random, rows) + 0.3 * np.sqrt(np.arange(rows)),
}


@pytest.mark.parametrize("rows", [30, 120, 300])
@pytest.mark.parametrize("name", [*SIGNED, *MAGNITUDES])
def test_noise_has_no_groups(name: str, rows: int) -> None:
    reported = 0
    for seed in range(3):
        make = (SIGNED | MAGNITUDES)[name]
        table = table_of(make(np.random.default_rng(seed), rows), name in SIGNED)
        reported += len(patterns_of([table], rows=rows).groups)
    assert reported == 0


def test_a_thinned_random_walk_has_none_where_its_rows_lie_further_apart() -> None:
    at = np.concatenate([np.arange(0, 6400, 160), np.arange(6400, 8000, 10)])
    for seed in range(3):
        every = np.cumsum(np.random.default_rng(seed).standard_normal((SERIES, 8000)), axis=1)
        assert patterns_of([table_of(every[:, at], True, at)], rows=len(at)).groups == ()


def test_heavy_tails_make_few_spikes_and_nothing_else() -> None:
    values = np.random.default_rng(0).standard_t(3, (SERIES, 300))
    groups = patterns_of([table_of(values, True)], rows=300).groups
    assert len(groups) <= 1 and all(group.kind == "spike" for group in groups)
