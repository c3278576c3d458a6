"""Loops of many kinds, recorded as they are: the same losses, the failure found, its iteration replayed bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.recording.model import Match
from dgmtui.session.session import Session

LOOPS = Path(__file__).parents[1] / "loops"
NAMES = sorted(path.stem for path in LOOPS.glob("*.py"))
FAILS = 30
"""The iteration at which each script's data fails it, by sample 3."""
OTHERS = {"lstm": "aten.pow", "gru": "aten.pow"}
"""The operation, where it is not ``aten.exp``."""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("name", NAMES)
def test_the_loop_is_recorded_and_its_failure_replayed(name: str, tmp_path: Path) -> None:
    script, path = LOOPS / f"{name}.py", tmp_path / "run.h5"
    alone = run(script)
    recorded = run("-m", "dgmtui", "record", "--every", "5", "-o", path, script)
    losses = recorded.stdout.splitlines()
    assert recorded.returncode == 1 and "Traceback" not in recorded.stderr, recorded.stderr
    assert len(losses) == FAILS and losses == alone.stdout.splitlines()[:FAILS]
    with open_recording(path) as recording:
        session = Session(recording)
        finding = session.results.findings()[0]
        replay = REGISTRY.run(session, "replay").data
        assert (finding.kind, finding.iteration) == ("nonfinite", FAILS)
        if name == "custom_derivative":  # its backward pass is the user's own, and no trace holds it: said, not guessed
            assert (finding.phase, replay["forward"], replay["gradient"]) == ("backward", "matches", "differs")
            return
        assert (finding.phase, finding.op) == ("forward", OTHERS.get(name, "aten.exp"))
        assert finding.sample == 3
        snapshot = recording.snapshot(FAILS)
        assert snapshot is not None and snapshot.verdict.forward is Match.MATCHES, "bit for bit where it was recorded"
        assert replay["forward"] in ("matches", "agrees"), replay["detail"]  # here with other threads
        assert REGISTRY.run(session, "chain nonfinite").data["links"]
