"""What all series do, beneath the lines."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dgmtui.render.backdrop import backdrop_cells, density_shares
from dgmtui.render.braille import pack
from dgmtui.render.chart import Plot, Series, plot
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

AXIS = Axis("linear", 0.0, 1.0)
ITERATIONS = np.arange(100)
EDGES = np.arange(0, 101, 5)


def density() -> Backdrop:
    """Many at the bottom, one at the top, none between."""
    counts = np.zeros((20, 200), np.uint32)
    counts[:, :60], counts[:, 190:] = 500, 1
    return Backdrop(EDGES, counts, None)


def bands() -> Backdrop:
    levels = np.array([0.1, 0.4, 0.5, 0.6, 0.9], np.float32)
    return Backdrop(EDGES, None, np.repeat(levels[:, None], 20, axis=1))


def dots_by_row(cells: NDArray[np.uint8]) -> list[float]:
    """The share of dots that are set, in each row of cells."""
    return [sum(int(cell).bit_count() for cell in row) / (8 * len(row)) for row in cells]


def glyphs(drawn: Plot) -> list[list[tuple[str, str]]]:
    return [[(glyph, kind) for text, kind in row[1:] for glyph in text] for row in drawn.rows[:-1]]


def test_where_more_series_pass_more_dots_are_set() -> None:
    shares = dots_by_row(backdrop_cells(density(), AXIS, ITERATIONS, 50, 20))
    assert 0 < shares[0] < 0.15 and shares[4:13] == [0.0] * 9 and 0.3 < shares[-1] <= 0.5


def test_the_bands_are_lighter_outside_and_empty_beyond() -> None:
    shares = dots_by_row(backdrop_cells(bands(), AXIS, ITERATIONS, 50, 20))
    assert shares[0] == shares[-1] == 0
    assert 0 < shares[4] < shares[8] and shares[9] > 0.15


def test_the_median_is_a_broken_line() -> None:
    cells = backdrop_cells(bands(), AXIS, ITERATIONS, 50, 21)
    drawn = np.array([[(0x09, 0x12, 0x24, 0xC0).count(int(cell) & mask) for cell in row] for row in cells
                      for mask in (0x09, 0x12, 0x24, 0xC0)])  # fmt: skip
    middle = drawn.sum(axis=1).argmax()
    assert middle in (41, 42) and 0 < drawn[middle].sum() < 50
    assert drawn[middle].sum() == pytest.approx(25, abs=1)


@pytest.mark.parametrize("backdrop", [density(), bands()], ids=["density", "bands"])
def test_lines_are_drawn_as_without_it(backdrop: Backdrop) -> None:
    series = [Series(np.linspace(0, 1, 100, dtype=np.float32), "outlier", "7"), Series(np.full(100, 0.3, np.float32))]
    bare = glyphs(plot(series, ITERATIONS, 60, 16, axis=AXIS, labels=4))
    over = glyphs(plot(series, ITERATIONS, 60, 16, axis=AXIS, labels=4, backdrop=backdrop))
    beneath = 0
    for plain, with_it in zip(sum(bare, []), sum(over, []), strict=True):
        if with_it[1] == "backdrop":
            beneath += 1
            assert plain == (" ", "empty")
        else:
            assert plain == with_it
    assert beneath > 50


def test_outside_its_columns_nothing_is_beneath() -> None:
    cells = backdrop_cells(Backdrop(EDGES[:11], density().density[:10], None), AXIS, ITERATIONS, 50, 20)  # type: ignore[index]
    assert cells[-1, :24].any() and not cells[:, 26:].any()


def test_a_column_without_series_is_empty() -> None:
    levels = bands().bands
    assert levels is not None
    levels[:, 10:] = np.nan
    cells = backdrop_cells(Backdrop(EDGES, None, levels), AXIS, ITERATIONS, 50, 20)
    assert cells[:, :24].any() and not cells[:, 26:].any()


@pytest.mark.parametrize(("columns", "rows"), [(7, 12), (64, 400)])
def test_each_place_has_the_greatest_count_it_stands_for(columns: int, rows: int) -> None:
    counts = np.random.default_rng(0).integers(0, 50, (30, 200)).astype(np.uint32)
    first = np.arange(columns) * 30 // columns
    shares = density_shares(counts, first, rows)
    height = [i * 200 // rows for i in range(rows + 1)]
    until = [*first[1:], 30]
    for x in range(columns):
        for y in range(rows):
            block = counts[first[x] : max(until[x], first[x] + 1), height[y] : max(height[y + 1], height[y] + 1)]
            assert shares[rows - 1 - y, x] == pytest.approx(np.log1p(block.max()) / np.log1p(counts.max()), abs=1e-6)


def test_packing_is_braille() -> None:
    dots = np.zeros((8, 6), bool)
    dots[3, 1] = dots[4, 4] = dots[2, 0] = True
    assert pack(dots).tolist() == [[0x80 | 0x04, 0, 0], [0, 0, 0x01]]
