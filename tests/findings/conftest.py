"""Recordings made by hand, with exactly what a detector is to see in them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.model import MEASURES, STATISTICS, Channel, End, Measure, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)


def plain_statistics(**known: float) -> np.ndarray:
    """``[9]``, of an ordinary tensor but for what is given."""
    values = {"min": -1.0, "max": 1.0, "mean": 0.0, "std": 0.5, "absmax": 1.0} | dict.fromkeys(STATISTICS[5:], 0.0)
    return np.array([(values | known)[name] for name in STATISTICS])


@pytest.fixture
def plain() -> Callable[..., np.ndarray]:
    """``plain(**known)``: statistics of an ordinary tensor but for what is given."""
    return plain_statistics


@pytest.fixture
def synthetic(tmp_path: Path) -> Callable[..., Any]:
    """``make(types, losses, statistics=…, series=…, graph=…)`` → an open recording.

    ``types``: module path → (type, units). ``statistics``: (path, quantity, row) → those that differ from plain ones.
    ``series``: (path, quantity, measure) → ``[R, U]``.
    """

    def make(
        types: Mapping[str, tuple[str, int]],
        losses: np.ndarray,
        statistics: Callable[[str, Quantity, int], np.ndarray | None] = lambda path, quantity, row: None,
        series: Mapping[tuple[str, Quantity, Measure], np.ndarray] | None = None,
        graph: str | None = None,
        quantities: Sequence[Quantity] = (Quantity.ACTIVATION, Quantity.WEIGHT_GRADIENT),
    ) -> Any:
        path = tmp_path / "made.h5"
        channels = [Channel(p, q, units) for p, (_, units) in types.items() for q in quantities]
        writer = RecordingWriter(path, INFO)
        modules = [ModuleInfo("", "Net", None)]
        modules += [ModuleInfo(p, t, "", (8, units), 1) for p, (t, units) in types.items()]
        writer.begin(modules, channels)
        for row, loss in enumerate(losses):
            writer.add_iteration(row, float(loss), 0.01)
            rows = [statistics(c.module, c.quantity, row) for c in channels]
            given = {}
            for i, channel in enumerate(channels):
                for measure in MEASURES[channel.quantity]:
                    table = (series or {}).get((channel.module, channel.quantity, measure))
                    values = np.zeros(channel.units) if table is None else table[row]
                    given[i, measure] = values.astype(np.float32)
            writer.add_row(row, np.stack([plain_statistics() if s is None else s for s in rows]), given)
        if graph is not None:
            from dgmtui.recording.model import Match, Verdict

            writer.add_snapshot(
                iteration=0,
                turn="",
                reason="scheduled",
                trace=writer.add_trace(graph),
                loss=float(losses[0]),
                verdict=Verdict(Match.MATCHES, Match.MATCHES, ""),
                tensors={},
            )
        writer.close(End("finished", len(losses) - 1, ""))
        return open_recording(path)

    return make


@pytest.fixture(scope="session")
def trace() -> Callable[..., Any]:
    """``trace(model, step, **inputs)``: the graph of a step and its unrun replay, as the tests of credit make them."""
    from tests.credit.conftest import trace as made

    return made
