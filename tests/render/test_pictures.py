"""Pictures in cells: aspect, areas, scales, signs and what is not finite, with many colours, with few and with none."""

from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dgmtui.commands.result import Pictures, Result
from dgmtui.render.pictures import pictures_rows
from dgmtui.render.pixels import cells, colour_of, fitted, resampled, shade_of
from dgmtui.render.text import print_result
from dgmtui.session.pictures import as_picture, picture, signed_picture


def text(rows: list[list[tuple[str, str]]]) -> list[str]:
    return ["".join(piece for piece, _ in row).rstrip() for row in rows]


RAMP = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)


def test_shades_of_a_ramp() -> None:
    assert text(pictures_rows([picture("[3]", RAMP)], 80, "none")) == [
        "[3]",
        "0 … 1",
        "        ░░░░░░░░",
        "        ░░░░░░░░",
        "░░░░░░░░▒▒▒▒▒▒▒▒",
        "░░░░░░░░▒▒▒▒▒▒▒▒",
        "▒▒▒▒▒▒▒▒▓▓▓▓▓▓▓▓",
        "▒▒▒▒▒▒▒▒▓▓▓▓▓▓▓▓",
        "▓▓▓▓▓▓▓▓████████",
        "▓▓▓▓▓▓▓▓████████",
        "least   ░░▒▒▓▓██ greatest of each",
    ]


def test_signs_are_told_without_colour() -> None:
    values = np.array([[-2.0, -1.0], [0.0, 2.0]], np.float32)
    rows = text(cells(signed_picture("", values), (2, 2), "none"))
    assert rows == ["-█-▒", "  ██"]
    legend = text(pictures_rows([signed_picture("r", values)], 60, "none"))[-1]
    assert legend == "below zero -█-▒  ▒▒██ above, each to its greatest"


def test_half_blocks_hold_two_pixels_each() -> None:
    rows = cells(picture("", np.array([[0.0, 1.0], [1.0, 1.0], [0.5, 0.0]], np.float32)), (3, 2), "many")
    assert rows[0] == [("▀", "color(16) on color(231)"), ("█", "color(231)")]
    assert [glyph for glyph, _ in rows[1]] == ["▀", "▀"], "the last line has no lower half"


def test_warm_and_cold_meet_in_black() -> None:
    assert colour_of(0.0, True) == colour_of(-0.0, True) == "color(16)"
    assert colour_of(1.0, True) != colour_of(-1.0, True)
    assert shade_of(0.0, True) == shade_of(-0.05, True) == "  "


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("colours", ["many", "few", "none"])
def test_what_is_not_finite_is_marked(bad: float, colours: str) -> None:
    values = RAMP.copy()
    values[2, 1] = bad
    drawn = picture("", values)
    assert (drawn.low, drawn.high) == (0.0, 1.0)
    rows = text(cells(drawn, (4, 4), colours))  # type: ignore[arg-type]
    assert "".join(rows).count("✗") == 1
    assert rows[1 if colours == "many" else 2].index("✗") == (1 if colours == "many" else 2)
    assert "✗" in "".join(text(cells(drawn, (2, 2), colours)))  # type: ignore[arg-type]


def test_nothing_finite_at_all() -> None:
    drawn = picture("", np.full((3, 3), np.nan, np.float32))
    assert (drawn.low, drawn.high) == (0.0, 0.0)
    assert text(cells(drawn, (3, 3), "none")) == ["✗ ✗ ✗"] * 3


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40))
def test_pictures_keep_their_shape(height: int, width: int, most: int) -> None:
    tall, wide = fitted((height, width), 16, most)
    assert max(tall, wide) <= max(most, max(height, width) if max(height, width) <= most else most)
    assert abs(tall / wide - height / width) <= height / width * 0.5 + 1 or min(tall, wide) == 1
    if max(height, width) <= most:
        assert tall * width == wide * height, "enlarged by a whole number"


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_areas_keep_the_mean(height: int, width: int, tall: int, wide: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    made, bad = resampled(values, (tall, wide))
    assert made.shape == (tall, wide) and not bad.any()
    assert made.mean() == pytest.approx(values.mean(), abs=1e-5)
    if (tall, wide) == (2 * height, 2 * width):
        assert made == pytest.approx(np.kron(values, np.ones((2, 2))))


def test_halving_is_the_mean_of_four() -> None:
    made, _ = resampled(RAMP, (2, 2))
    assert made == pytest.approx(RAMP.reshape(2, 2, 2, 2).mean((1, 3)))


def test_as_many_beside_each_other_as_fit() -> None:
    several = [picture(f"[{i}]", RAMP) for i in range(5)]
    for width in (20, 55, 80):
        rows = text(pictures_rows(several, width, "none"))
        assert max(map(len, rows)) <= max(width, 33)
    assert text(pictures_rows(several, 55, "none"))[0].split() == ["[0]", "[1]", "[2]"]


def test_one_scale_for_all_is_told_once() -> None:
    several = [picture("a", RAMP, (0.0, 3.2)), picture("b", RAMP * 3.2, (0.0, 3.2))]
    rows = text(pictures_rows(several, 80, "none", shared=True))
    assert rows[-1] == "0   ░░▒▒▓▓██ 3.2"
    assert sum("3.2" in row for row in rows) == 1


def test_colour_pictures_have_their_own_colours() -> None:
    values = as_picture(np.stack([np.full((2, 2), v, np.float32) for v in (0.0, 0.5, 1.0)]))
    assert values is not None
    assert cells(picture("", values), (2, 2), "many") == [[("██", "#0080ff")]]


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((64,), (8, 8)), ((10,), None), ((1,), None), ((5, 7), (5, 7)), ((1, 28, 28), (28, 28)), ((3, 4, 5), (4, 5, 3)),
     ((8, 4, 5), (4, 5)), ((2, 3, 4, 5), None), ((), None)],
)  # fmt: skip
def test_what_looks_like_a_picture(shape: tuple[int, ...], drawn: tuple[int, ...] | None) -> None:
    made = as_picture(np.zeros(shape, np.float32))
    assert (None if made is None else made.shape) == drawn


@pytest.mark.parametrize(
    ("system", "shown"), [("256", "\x1b[38;5;"), ("truecolor", "\x1b[38;5;"), ("standard", "\x1b[31m"), (None, "-█")]
)
def test_the_terminal_says_how_it_is_drawn(system: str | None, shown: str) -> None:
    console = Console(color_system=system, force_terminal=True, width=60, file=StringIO(), legacy_windows=False)  # type: ignore[arg-type]
    print_result(Result("maps", {}, (Pictures((signed_picture("", RAMP - 0.5),)),)), console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown in said
    assert ("░" in said) == (system not in ("256", "truecolor"))
