"""The screen while a chart is sampled: keys are answered, progress is shown, Esc stops it, the result arrives."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from tests.tui.seen import Seen
from tests.waiting import PATIENCE

ROWS, UNITS = 31, 5000


class SlowSeries:
    """Its reads wait until ``go`` is set."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.go, self.reading = threading.Event(), threading.Event()
        self.at_once = self.most_at_once = 0

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.reading.set()
        assert self.go.wait(PATIENCE), "nobody let it go on"
        self.at_once -= 1
        return self.values[key]


class SeenSlow(Seen):
    """The app on a recording whose series are slow."""

    series: SlowSeries

    @property
    def chart(self) -> Any:
        return None if self.main.view is None else self.main.view.dynamics


@asynccontextmanager
async def opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SeenSlow]:
    monkeypatch.setattr("dgmtui.session.dynamics.AT_ONCE", -1)
    monkeypatch.setattr("dgmtui.tui.screen.ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(Session, "prepare", staticmethod(lambda: None))
    with open_recording(path) as recording:
        series = SlowSeries(np.random.default_rng(0).normal(size=(ROWS, UNITS)).astype(np.float32))
        monkeypatch.setattr(recording, "series", lambda channel, measure=None: series)
        session = Session(recording)
        monkeypatch.setattr(session.ranks, "findings", lambda **_: ())
        session.select_module("enc")
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(100, 40)) as pilot:
            await pilot.pause()
            seen = SeenSlow(app, pilot, session)
            seen.series = series
            try:
                yield seen
            finally:
                series.go.set()


async def test_keys_are_answered_while_a_chart_is_sampled(
    small_recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(small_recording, monkeypatch) as seen:
        assert seen.chart.preliminary and not seen.chart.lines
        await seen.until(seen.series.reading.is_set)
        await seen.until(lambda: "sampling 3 series · 0% · Esc cancels" in seen.text())
        for iteration in (20, 10, 5):
            await seen.type(f"goto {iteration}")
            await seen.until(lambda iteration=iteration: seen.main.view.cursor == iteration)
            assert seen.chart.preliminary
        seen.series.go.set()
        await seen.until(lambda: not seen.chart.preliminary)
        assert len(seen.chart.lines) == 40 and seen.chart.total == UNITS and seen.main.view.cursor == 5
        assert seen.series.most_at_once == 1
        await seen.until(lambda: "Esc cancels" not in seen.text())


async def test_esc_stops_it_and_asking_again_begins_again(
    small_recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(small_recording, monkeypatch) as seen:
        await seen.until(seen.series.reading.is_set)
        await seen.pilot.press("escape")
        seen.series.go.set()
        await seen.until(lambda: "sampling was cancelled; `dynamics` begins again" in seen.text())
        await seen.type("goto 3")
        await seen.until(lambda: seen.main.view.cursor == 3)
        assert seen.chart.preliminary and "cancelled" in seen.chart.advice
        await seen.type("dynamics")
        await seen.until(lambda: not seen.chart.preliminary)
        assert len(seen.chart.lines) == 40


async def test_a_zoom_shows_old_picks_and_then_new_ones(small_recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(small_recording, monkeypatch) as seen:
        seen.series.go.set()
        await seen.until(lambda: not seen.chart.preliminary)
        seen.series.go.clear()
        seen.series.reading.clear()
        whole = seen.chart
        await seen.type("dynamics --window 10 20")
        await seen.until(lambda: seen.chart.preliminary)
        assert seen.chart.iterations.tolist() == list(range(10, 20))
        assert [line.unit for line in seen.chart.lines] == [line.unit for line in whole.lines]
        await seen.type("dynamics --window 5 25")
        await seen.until(lambda: len(seen.chart.iterations) == 20)
        seen.series.go.set()
        await seen.until(lambda: not seen.chart.preliminary)
        assert len(seen.chart.iterations) == 20 and seen.series.most_at_once == 1


async def test_what_cannot_be_read_is_a_sentence(small_recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_self: SlowSeries, _key: Any) -> Any:
        raise RecordingError("small.h5 is damaged; record again.")

    monkeypatch.setattr(SlowSeries, "__getitem__", damaged)
    async with opened(small_recording, monkeypatch) as seen:
        await seen.until(lambda: not seen.chart.preliminary)
        assert seen.chart.advice == "small.h5 is damaged; record again."
        await seen.type("goto 3")
        await seen.until(lambda: seen.main.view.cursor == 3)


async def test_leaving_does_not_wait_for_it(small_recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(small_recording, monkeypatch) as seen:
        await seen.until(seen.series.reading.is_set)
        run = seen.session.charts.wish._run
        await seen.pilot.press("q")
        await seen.until(lambda: run.progress.cancelled)
