"""Targets as typed: taken apart, counted out and put together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.credit.typed import Typed, numbers, place, place_text, run_together, taken_apart
from dgmtui.errors import UsageError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("enc", Typed("enc", None, None, None)),
        ("enc.0[3]@5", Typed("enc.0", "3", "5", None)),
        ("conv[3,40-48]@2,5[4,7]", Typed("conv", "3,40-48", "2,5", "4,7")),
        ("conv[3][4,7]", Typed("conv", "3", None, "4,7")),
        ("conv@5[4,7]", Typed("conv", None, "5", "4,7")),
        ("node:12[1,2]", Typed("node:12", "1,2", None, None)),
        ("cell:0", Typed("cell:0", None, None, None)),
        ("", Typed("", None, None, None)),
    ],
)
def test_parts(text: str, parts: Typed) -> None:
    assert taken_apart(text) == parts


@pytest.mark.parametrize("text", ["enc[3", "enc]", "enc[3]@5@6", "enc@5[1][2]", "enc[[1]]", "[1][2][3]"])
def test_what_is_no_target_is_told_what_one_is(text: str) -> None:
    with pytest.raises(UsageError, match="is no target; one is MODULE"):
        taken_apart(text)


def test_numbers_and_ranges() -> None:
    assert numbers("3,17,40-48", 50, "fc1", "units") == (3, 17, *range(40, 49))
    assert numbers("40:49,3, 3", 50, "fc1", "units") == (3, *range(40, 49))
    assert place("4,1:3", (8, 8, 8), "conv") == (range(4, 5), range(1, 3), range(8))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("50", "fc1 has 50 units, numbered from 0; 50 is none"),
        ("45-60", "50 is none"),
        ("5-3", "upwards"),
        ("", "numbers from 0"),
        ("3,", "numbers from 0"),
        ("-1", "numbers from 0"),
        ("3.5", "numbers from 0"),
        ("99999999999999999999", "numbers from 0"),
        ("1-999999999", "50 is none"),
        ("³", "numbers from 0"),
    ],
)
def test_bad_numbers(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        numbers(text, 50, "fc1", "units")


@pytest.mark.parametrize(
    ("text", "sizes", "says"),
    [
        ("8,0", (8, 8), "8×8 positions, numbered from 0"),
        ("1,2,3", (8, 8), "one of 3 axes"),
        ("1", (), "no positions"),
        ("1:1", (8,), "upwards"),
    ],
)
def test_bad_positions(text: str, sizes: tuple[int, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        place(text, sizes, "conv")


@given(st.sets(st.integers(0, 99), min_size=1))
def test_a_list_of_numbers_reads_as_it_is_written(chosen: set[int]) -> None:
    assert numbers(run_together(sorted(chosen)), 100, "fc1", "units") == tuple(sorted(chosen))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), min_size=1, max_size=3))
def test_a_place_reads_as_it_is_written(cuts: list[tuple[int, int]]) -> None:
    position = tuple(range(start, start + length) for start, length in cuts)
    sizes = tuple(12 for _ in cuts)
    assert place(place_text(position, sizes), sizes, "conv") == position
