"""The two charts: what they say of the cursor, what is marked, and where a click goes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dgmtui.commands.registry import Registry
from dgmtui.render.chart import Plot
from dgmtui.session.view import LossView, Reading, Scalar
from dgmtui.tui.widgets.charts import WINDOW, ChartPane
from dgmtui.tui.widgets.dynamics_chart import DynamicsChart
from dgmtui.tui.widgets.loss_chart import LossChart, _series
from tests.tui.seen import Seen, opened


def lines(seen: Seen, kind: type[ChartPane]) -> list[str]:
    widget = seen.main.query_one(kind)
    return ["".join(segment.text for segment in widget.render_line(y)).rstrip() for y in range(widget.size.height)]


@pytest.mark.parametrize("width", [1, 7, 40, 151])
@pytest.mark.parametrize("count", [2, 30, 5000])
def test_a_column_holds_the_iteration_that_it_stands_for(width: int, count: int) -> None:
    plot, iterations = Plot((), 5, width), np.arange(100, 100 + count)
    assert plot.iteration(4, iterations) is None and plot.iteration(5 + width, iterations) is None
    for column in range(5, 5 + width):
        at = plot.iteration(column, iterations)
        assert at is not None and 100 <= at < 100 + count
        if count > 4 * width:
            assert plot.column(at, iterations) == column


def test_no_iterations_have_no_column() -> None:
    assert Plot((), 0, 10).iteration(3, np.empty(0, np.int64)) is None


async def test_the_loss_says_what_it_is_at_the_cursor(session: Any, registry: Registry) -> None:
    session.change(cursor=900, loss=replace(session.shown.loss, here=123.456))
    async with opened(session, registry, (80, 24)) as seen:
        assert lines(seen, LossChart)[0].startswith("loss 123.5 at 900 · log")


async def test_the_window_of_the_dynamics_is_below_the_loss(session: Any, registry: Registry) -> None:
    async with opened(session, registry, (80, 24)) as seen:
        assert WINDOW not in lines(seen, LossChart)[-1]
        session.change(loss=replace(session.shown.loss, window=(700, 900)), cursor=100)
        await seen.press("n")
        await seen.until(lambda: WINDOW in lines(seen, LossChart)[-1])
        plot = seen.main.query_one(LossChart)._plot
        assert plot is not None
        row, iterations = lines(seen, LossChart)[-1], session.shown.loss.iterations
        assert row.index(WINDOW) == plot.column(700, iterations)
        assert row.rindex(WINDOW) == plot.column(899, iterations)


async def test_every_loss_that_is_not_finite_is_marked(session: Any, registry: Registry) -> None:
    values = session.shown.loss.values.copy()
    values[[300, 500, 800]] = np.nan
    session.change(loss=replace(session.shown.loss, values=values))
    async with opened(session, registry) as seen:
        assert "".join(lines(seen, LossChart)[:-1]).count("✗") == 4 + 1  # and one in the legend


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_a_scalar_is_drawn_over_the_height_of_the_loss(scale: str) -> None:
    steps = np.arange(100)
    scalar = Scalar("accuracy", steps, np.linspace(0, 1, 100), here=0.5)
    view = LossView(steps, np.geomspace(1000, 1, 100), (), (), scalars=(scalar,))
    own, beside = _series(view, scale)
    assert (beside.kind, beside.label) == ("selected", "a")
    assert beside.values[[0, -1]] == pytest.approx([own.values.min(), own.values.max()], rel=1e-3)
    assert (np.diff(beside.values) >= 0).all()


async def test_scalars_are_named_with_their_value(session: Any, registry: Registry) -> None:
    scalar = Scalar("accuracy", np.arange(1318), np.linspace(0, 1, 1318), here=0.75)
    session.change(loss=replace(session.shown.loss, scalars=(scalar,)))
    async with opened(session, registry, (120, 40)) as seen:
        assert lines(seen, LossChart)[0].endswith("▶a accuracy 0.75")
        assert any(line.endswith("▶a") for line in lines(seen, LossChart)[1:])


async def test_marked_lines_are_read_at_the_cursor_where_there_is_room(session: Any, registry: Registry) -> None:
    readings = (Reading("[212]", "nonfinite", float("inf"), 1310), Reading("[17]", "event", -0.25, 1310))
    session.change(readings=readings)
    async with opened(session, registry, (200, 60)) as seen:
        assert lines(seen, DynamicsChart)[1].startswith("at 1,310  ✗212 inf        !17 -0.25")
    async with opened(session, registry, (80, 24)) as seen:
        assert not any(line.startswith("at 1,310") for line in lines(seen, DynamicsChart))


async def test_a_click_goes_to_the_iteration_below_it(session: Any, registry: Registry) -> None:
    async with opened(session, registry, (100, 40)) as seen:
        plot, iterations = seen.main.query_one(LossChart)._plot, session.shown.loss.iterations
        assert plot is not None
        snapshot = plot.column(640, iterations)
        await seen.pilot.click(LossChart, offset=(snapshot, 3))
        await seen.until(lambda: session.shown.cursor == 640)
        await seen.pilot.click(LossChart, offset=(snapshot - 9, 3))
        await seen.until(lambda: session.shown.cursor != 640)
        assert plot.column(session.shown.cursor, iterations) == snapshot - 9
        plot, iterations = seen.main.query_one(DynamicsChart)._plot, session.shown.dynamics.iterations
        assert plot is not None
        await seen.pilot.click(DynamicsChart, offset=(plot.left + 20, 3))
        await seen.until(lambda: session.shown.cursor in iterations)
        assert plot.column(session.shown.cursor, iterations) == plot.left + 20
        before = session.shown.cursor
        for where in ((plot.left + 20, 0), (0, 3)):
            await seen.pilot.click(DynamicsChart, offset=where)
        await seen.pilot.pause()
        assert session.shown.cursor == before
