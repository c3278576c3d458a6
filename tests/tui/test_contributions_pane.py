"""The contributions pane: which column it is sorted by, the picked row, the way back out, keys and clicks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.registry import Registry
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.view import CreditRow
from dgmtui.tui.widgets.contributions import Contributions
from tests.tui.seen import Seen, opened

VAE = Path(__file__).parents[2] / "recordings" / "vae.h5"


def pane(seen: Seen) -> list[str]:
    widget = seen.main.query_one(Contributions)
    return ["".join(segment.text for segment in widget.render_line(y)).rstrip() for y in range(widget.size.height)]


def many(view: Any, count: int = 60, **changes: Any) -> Any:
    rows = tuple(CreditRow("dec.h", i, 5, 1.0, 60.0 - i, None, False) for i in range(count))
    return replace(view.credit, rows=rows, **changes)


async def test_the_column_that_rows_are_sorted_by_has_a_mark(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        assert "forward↓" in pane(seen)[1]
        for sort, column in (("value", "value↓"), ("module", "module↓"), ("backward", "backward↓")):
            session.renew(credit=replace(session.shown.credit, sort=sort, grouped=False))
            await seen.press("n")
            await seen.until(lambda column=column: column in pane(seen)[1])
            assert pane(seen)[1].count("↓") == 1


async def test_the_way_to_the_target_and_the_filter_are_in_the_title_however_narrow(
    session: Any, registry: Registry
) -> None:
    session.change(credit=replace(session.shown.credit, trail=("dec.xv[212]", "nonfinite"), only="dec", left_out=7))
    async with opened(session, registry, (80, 24)) as seen:
        assert pane(seen)[0] == "credit for dec.xv[212] …  only dec  ← dec.xv[212] ← n…"
    async with opened(session, registry, (200, 60)) as seen:
        assert pane(seen)[0].endswith("then exp = inf  only dec  ← dec.xv[212] ← nonfinite")
        assert "7 that do not match dec are left out; `filter` lists all" in pane(seen)


async def test_where_a_person_scrolled_to_it_stays_until_another_row_is_picked(
    session: Any, registry: Registry
) -> None:
    session.change(credit=many(session.shown, picked=3))
    async with opened(session, registry, (100, 40)) as seen:
        before = pane(seen)[2]
        await seen.press("pagedown", "pagedown")
        after = pane(seen)[2]
        assert after != before
        session.renew(credit=many(session.shown, picked=3))
        await seen.press("n")
        await seen.until_shows("(dgm) iteration 1317")
        assert pane(seen)[2] == after
        session.renew(credit=many(session.shown, picked=4))
        await seen.press("l")
        await seen.until(lambda: pane(seen)[2] != after)
        assert any(" 4 " in line for line in pane(seen))
        session.renew(credit=many(session.shown, 50, target="dec.xv[3] = 1"))
        await seen.press("l")
        await seen.until(lambda: "dec.xv[3]" in pane(seen)[0])
        assert pane(seen)[2] == before != after


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_table_is_gone_through_by_keys_and_by_clicks(size: tuple[int, int]) -> None:
    with open_recording(VAE) as recording:
        session = Session(recording)
        for line in ("goto 2048", "credit xv[3]@0"):
            REGISTRY.run(session, line)
        async with opened(session, REGISTRY, size) as seen:
            await seen.press("}", "}", "{")
            await seen.until_shows("(dgm) 1 of ")
            table = session.results.crediting.shown
            assert table is not None
            first = session.contributors.listing(table).rows[0]
            await seen.press("enter")
            await seen.until(lambda: f"credit for {first.module}[{first.unit}]" in pane(seen)[0])
            assert "← xv[3]@0" in pane(seen)[0]
            await seen.press("backspace")
            await seen.until(lambda: "credit for xv[3]" in pane(seen)[0] and "←" not in pane(seen)[0])
            await seen.press("=")
            await seen.until_shows("(dgm) sorted by backward")
            await seen.press("%", *"mu", "enter")
            await seen.until_shows("(dgm) only contributors that match mu")
            await seen.press("escape")
            await seen.until_shows("(dgm) all contributors")
            await seen.press("&")
            await seen.until(lambda: session.against == 1024)
            await seen.press("&")
            await seen.until(lambda: session.against is None)
            widget = seen.main.query_one(Contributions)
            await seen.pilot.click(Contributions, offset=(pane(seen)[1].index("value") + 1, 1))
            await seen.until_shows("(dgm) sorted by value")
            await seen.pilot.click(Contributions, offset=(4, 4))
            await seen.until_shows("(dgm) 3 of ")
            assert widget._selected == 2


async def test_keys_pressed_faster_than_they_are_answered_all_count() -> None:
    with open_recording(VAE) as recording:
        session = Session(recording)
        for line in ("goto 2048", "credit xv[3]@0"):
            REGISTRY.run(session, line)
        async with opened(session, REGISTRY, (80, 24)) as seen:
            with session.lock:  # nothing is answered meanwhile
                await seen.pilot.press("}", "}", "enter", "}", "enter", "backspace")
            await seen.until(lambda: len(session.trail()) == 2 and not seen.main._busy)
            await seen.until(lambda: "← xv[3]@0" in pane(seen)[0])


async def test_esc_lists_all_rows_only_where_some_are_left_out(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        widget = seen.main.query_one(Contributions)
        assert (widget.line_of(""), widget.line_of("credit")) == ("", "credit")
        session.change(credit=replace(session.shown.credit, only="dec"))
        await seen.press("n")
        await seen.until(lambda: widget.line_of("") == "filter")
