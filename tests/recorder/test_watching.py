"""A watcher gets a look at a run that is recorded: rarely enough, and without changing anything."""

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.findings import registry
from dgmtui.findings.case import Case
from dgmtui.findings.model import Finding, Severity
from dgmtui.recorder import so_far, watching
from dgmtui.recorder.so_far import SoFar
from dgmtui.recorder.watching import Told, Watch
from dgmtui.recording import open_recording
from dgmtui.recording.model import Channel, ModuleInfo, Quantity, RunInfo

INFO = RunInfo("", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
CHANNELS = [Channel("a", Quantity.ACTIVATION, 4)]


class Looker:
    """Takes so many seconds of a clock for each look."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds, self.looks = clock, seconds, 0

    def look(self, seen: SoFar) -> Sequence[Told]:
        self.looks += 1
        self.clock[0] += self.seconds
        return []


@pytest.mark.parametrize("seconds", [0.0001, 0.05, 3.0])
def test_all_looks_together_take_a_hundredth_of_the_time(seconds: float) -> None:
    """After the first, of which nobody knows what it will take."""
    clock = [0.0]
    looker = Looker(clock, seconds)
    watch = Watch(looker, Path("x.h5"), INFO, lambda text: None, lambda: clock[0])
    watch.begin([ModuleInfo("a", "ReLU", None)], CHANNELS)
    for iteration in range(10_000):
        clock[0] += 0.1
        watch.iteration(iteration, 1.0, 0.1)
        watch.look_if_due(iteration)
    assert 2 <= looker.looks <= clock[0] / 2
    assert looker.looks * seconds <= 0.01 * clock[0] + seconds


def test_one_that_fails_is_asked_no_more() -> None:
    class Broken:
        def look(self, seen: SoFar) -> Sequence[Told]:
            raise ValueError("of no use")

    clock, said = [0.0], []
    watch = Watch(Broken(), Path("x.h5"), INFO, said.append, lambda: clock[0])
    watch.begin([], CHANNELS)
    events = []
    for iteration in range(100):
        clock[0] += 1.0
        events += watch.look_if_due(iteration)
    assert said == ["warnings while recording are off from here on: ValueError: of no use"]
    assert [(event.kind, event.iteration) for event in events] == [("warning", 1)]


def test_what_is_kept_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(so_far, "MOST_BYTES", 72 * 100)
    seen = SoFar(Path("x.h5"), INFO, [], CHANNELS)
    for row in range(1000):
        seen.add_iteration(2 * row, float(row), 0.1)
        seen.add_row(2 * row, np.full((1, 9), float(row)))
    assert len(seen.rows) <= 100 and seen.rows[-1] == 1998 and (np.diff(seen.rows) > 0).all()
    assert (seen.statistics(0)[:, 0] == seen.rows / 2).all() and seen.statistics(0, 3, 5).shape == (2, 9)
    assert seen.iteration_count == 1999 and np.isnan(seen.losses()[1]) and seen.losses(1998)[0] == 999.0


@pytest.fixture
def live() -> Iterator[None]:
    """Two detectors, one of which is live."""

    @registry.detector("test_high", live=True)
    def high(case: Case) -> Iterator[Finding]:
        """The loss is above zero."""
        losses = case.recording.losses()
        channel = case.channel("0", Quantity.ACTIVATION)
        assert channel is not None and len(case.statistic(channel, "absmax")) == len(case.recording.rows)
        for layer in ("0", "2"):
            yield Finding("exploding_gradient", Severity.WARNING, len(losses) - 1, "Layer\n" + layer + " grows.", "",
                          module=layer)  # fmt: skip
        yield Finding("loss_spike", Severity.INFO, 0, "No matter.", "")

    @registry.detector("test_slow")
    def slow(case: Case) -> Iterator[Finding]:
        """Not live."""
        raise AssertionError
        yield

    yield
    del registry.DETECTORS["test_high"], registry.DETECTORS["test_slow"]


def _train(path: Path, **settings: Any) -> list[float]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with dgmtui.Recorder(path, model, optimizer, every=2, **settings):
        for _ in range(12):
            loss = model(torch.randn(8, 5)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def test_a_finding_is_said_once_and_kept_as_an_event(
    tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(watching, "SHARE", 1.0)
    with redirect_stderr(io.StringIO()) as said:
        watched = _train(tmp_path / "watched.h5", watcher=dgmtui.Watcher())
    assert watched == _train(tmp_path / "alone.h5"), "it changes nothing"
    (line,) = [line for line in said.getvalue().splitlines() if "▲" in line]
    assert line.startswith("dgmtui: ▲ iteration ") and line.endswith(": Layer 0 grows. So it is in `2`.")
    with open_recording(tmp_path / "watched.h5") as recording:
        (event,) = [event for event in recording.events() if event.kind == "finding"]
        assert event.message == line.removeprefix("dgmtui: ") and event.data["kind"] == "exploding_gradient"
    with open_recording(tmp_path / "alone.h5") as recording:
        assert not [event for event in recording.events() if event.kind == "finding"]
