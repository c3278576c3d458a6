"""Trainers that own the loop, Lightning's and Hugging Face's: recorded as they are, and by our callbacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.model import Match, Quantity
from dgmtui.session.session import Session

SCRIPTS = Path(__file__).parents[1] / "trainers"
FAILS = 30
SETTINGS = ("--every", "5", "--last-whole", "--without", ":update", "--compress")
"""Those of the callbacks in the scripts."""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment)


def losses(ran: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in ran.stdout.splitlines() if line.startswith(("0x", "inf", "nan"))]


@pytest.mark.parametrize("by", ("record", "callback"))
@pytest.mark.parametrize("name", ("lightning_fit", "hugging_face"))
def test_a_trainer_is_recorded_and_its_failure_replayed(name: str, by: str, tmp_path: Path) -> None:
    script, path = SCRIPTS / f"{name}.py", tmp_path / "run.h5"
    alone = run(script)
    recorded = (
        run("-m", "dgmtui", "record", *SETTINGS, "-o", path, script)
        if by == "record"
        else run(script, "callback", path)
    )
    assert recorded.returncode == 1, recorded.stderr
    assert losses(recorded)[:FAILS] == losses(alone)[:FAILS]
    assert ("StopTraining" in recorded.stderr) == (by == "callback")
    with open_recording(path) as recording:
        assert recording.end is not None and (recording.end.reason, recording.end.iteration) == ("nonfinite", FAILS)
        assert "net.3" in {module.path for module in recording.modules}
        assert recording.rows.tolist() == list(range(FAILS + 1)) and recording.rounding, "all of the last, compacted"
        assert Quantity.UPDATE not in {channel.quantity for channel in recording.channels}
        assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots)
        (finding,) = Session(recording).results.findings()
        assert (finding.iteration, finding.op, finding.sample) == (FAILS, "aten.exp", 3)
        assert finding.dataset_index == 16 * FAILS + 3, "though Hugging Face's loader is a batch ahead"
