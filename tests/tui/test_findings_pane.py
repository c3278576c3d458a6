"""The findings pane: which rows it draws, and the keys that choose."""

from dataclasses import replace
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.view import FindingRow
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.widgets.findings import findings_rows
from tests.tui.conftest import made_view
from tests.tui.seen import text_of, until

SHIPPED = Path(__file__).parents[2] / "recordings"
LONG = "`aten.exp` gave Inf for sample 15, unit 16: the exponential of 93.5 is beyond the range of its dtype."
FOUND = (
    FindingRow(1317, "error", "nonfinite", LONG, "dec.xv", consequences=3, advice="Bound it.",
               evidence=(("goto 1317", "the failing iteration"), ("credit nonfinite", "which units"))),
    FindingRow(512, "warning", "overflow_ahead", "dec.xv[212] leaves its past", "dec.xv", new=True),
)  # fmt: skip


def drawn(width: int, height: int, **changes: object) -> tuple[list[str], int | None]:
    rows, chosen = findings_rows(made_view(findings=FOUND, **changes), width, height)
    return ["".join(text for text, _ in row) for row in rows], chosen


@pytest.mark.parametrize("height", range(2, 12))
@pytest.mark.parametrize("finding", [None, 1, 2])
def test_nothing_is_wider_than_the_pane_or_lost_to_its_height(height: int, finding: int | None) -> None:
    lines, chosen = drawn(80, height, finding=finding)
    assert max(map(len, lines)) <= 80 and len(lines) <= height
    assert sum(line.startswith("▶") for line in lines) == (finding is not None)
    assert chosen is None or lines[chosen].startswith(f"▶{finding}")
    assert any("+3 consequences" in line for line in lines)
    assert any("▲ 512 new dec.xv[212]" in line for line in lines)


def test_with_room_the_chosen_one_shows_its_evidence_below() -> None:
    lines, _ = drawn(80, 9, finding=1)
    assert lines[2:5] == [
        "   try: Bound it.",
        "   1 goto 1317  the failing iteration",
        "   2 credit nonfinite  which units",
    ]
    assert not any("try:" in line for line in drawn(80, 9, finding=None)[0])


def test_on_a_wide_screen_the_evidence_stands_beside() -> None:
    lines, _ = drawn(200, 7, finding=1)
    assert [line.split("│ ")[1].rstrip() for line in lines[:3]] == [
        "try: Bound it.", "1 goto 1317  the failing iteration", "2 credit nonfinite  which units",
    ]  # fmt: skip
    assert len({line.index("│") for line in lines}) == 1


def test_without_findings_it_says_what_was_looked_for() -> None:
    view = replace(made_view(findings=()), looked_for="looked for dead units, loss stuck and more " * 3)
    rows, _ = findings_rows(view, 40, 5)
    lines = ["".join(text for text, _ in row) for row in rows]
    assert lines[0].startswith("no findings; looked for dead units") and max(map(len, lines)) <= 40


async def test_digits_and_brackets_choose_and_x_explains() -> None:
    with open_recording(SHIPPED / "vae-softplus.h5") as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(200, 60)) as pilot:
            await until(app, pilot, "1,132")
            await pilot.press("2")
            await until(app, pilot, "▶2 ▲ 1,132")
            await until(app, pilot, "iteration 1,132")
            assert "1 dynamics --window 1082 1182" in text_of(app)
            await pilot.press("right_parenthesis")
            await pilot.press("left_parenthesis", "x")
            await until(app, pilot, "▲ 2. loss_spike at iteration 1,132")
