"""Snapshots are run again once for all detectors, and what was told by replays stays where none is made."""

from pathlib import Path

import pytest

from dgmtui.findings.diagnose import look, look_again
from dgmtui.recording import open_recording
from dgmtui.recording.model import SnapshotInfo, Verdict
from dgmtui.trace.loading import load_replay
from dgmtui.trace.replay import Replay

SHIPPED = Path(__file__).parents[2] / "recordings"
READERS = {"bad_input", "sorted_batches", "saturated_units", "mode_collapse", "update_too_large"}
"""Detectors that read what one pass over the snapshots showed, whatever there is to find."""


@pytest.mark.parametrize("name", ["cnn", "vae"])
def test_one_pass_serves_all_and_a_later_look_tells_the_same(name: str) -> None:
    asked: list[int] = []

    def source(snapshot: SnapshotInfo) -> tuple[Replay, Verdict]:
        asked.append(snapshot.iteration)
        replay = load_replay(recording, snapshot)
        replay.forward()
        replay.backward()
        return replay, snapshot.verdict

    with open_recording(SHIPPED / f"{name}.h5") as recording:
        before = look(recording, replay=source)
        assert before.replayed.keys() >= READERS
        healthy = [s.iteration for s in recording.snapshots if s.reason != "failing"]
        assert sum(asked.count(i) for i in healthy) <= len(healthy) + 4, (
            "input_ignored and dead units look at some again"
        )
        asked.clear()
        assert look_again(recording, before).findings == before.findings and not asked
