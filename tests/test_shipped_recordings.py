"""The recordings in ``recordings/``: proved where they were made, and again in other surroundings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import Match

FOLDER = Path(__file__).parent.parent / "recordings"
RECORDINGS = sorted(path.name for path in FOLDER.glob("*.h5"))

ELSEWHERE = """
import sys, torch
from dgmtui.recording import open_recording
from dgmtui.trace.replay import load_replay
from dgmtui.trace.verify import verify_elsewhere
with open_recording(sys.argv[1]) as recording:
    for snapshot in recording.snapshots:
        verdict = verify_elsewhere(load_replay(recording, snapshot), recording, snapshot)
        print(snapshot.iteration, verdict.forward.value, verdict.gradient.value, verdict.detail, sep="|")
"""


def test_the_five_demos_are_there() -> None:
    assert RECORDINGS == ["cnn-batchnorm.h5", "cnn.h5", "vae-replaced.h5", "vae-softplus.h5", "vae.h5"]


@pytest.mark.parametrize("name", RECORDINGS)
def test_it_is_whole_small_and_was_proved_when_made(name: str) -> None:
    assert check(FOLDER / name).whole
    assert (FOLDER / name).stat().st_size < 5_000_000
    with open_recording(FOLDER / name) as recording:
        for snapshot in recording.snapshots:
            assert snapshot.verdict.forward is Match.MATCHES, snapshot.verdict
            assert snapshot.verdict.gradient is Match.MATCHES or snapshot.reason == "failing", snapshot.verdict


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("surroundings", [{"ATEN_CPU_CAPABILITY": "default"}, {"OMP_NUM_THREADS": "2"}])
def test_it_agrees_elsewhere(name: str, surroundings: dict[str, str]) -> None:
    """On other instructions and with other threads the bits differ; the iterations are the same within rounding."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(FOLDER / name)],
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = [line.split("|") for line in done.stdout.splitlines()]
    assert verdicts
    for iteration, forward, gradient, detail in verdicts:
        assert forward in ("matches", "agrees"), (iteration, detail)
        assert gradient in ("matches", "agrees", "not made"), (iteration, detail)
