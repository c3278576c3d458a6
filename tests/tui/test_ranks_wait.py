"""Ranks share a terminal: one that fails does not hold it, and where the code asks for the screen it is rank 0's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from tests.tui.held import ESCAPES, shell

REPLICAS = Path(__file__).parents[1] / "ranks" / "replicas.py"
LAUNCH = f"{sys.executable} -m torch.distributed.run --nproc-per-node 2 --standalone"


def losses(text: str) -> list[str]:
    return re.findall(r"-?0x[0-9a-f.]+p[+-]\d+", text)


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_rank_that_fails_stops_as_it_would_have(how: str, tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        record = "-m dgmtui record --on-nonfinite debug --on-exception debug -o run.h5"
        typed.run(f"{LAUNCH} {record} {REPLICAS} {how}; echo code $?.")
        said = typed.wait_for_prompt("code ")
        assert "code 1." in said and "one of 2 ranks" in said
        assert "\x1b[?1049h" not in typed.terminal.data.decode(errors="replace")
    for path in tmp_path.glob("run.rank*.h5"):
        assert check(path).whole


def test_set_trace_opens_on_rank_0_and_the_others_wait(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONBREAKPOINT": "0"}
    command = [*LAUNCH.split(), str(REPLICAS), "trace"]
    alone = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    with shell(tmp_path) as typed:
        typed.run(f"{LAUNCH} -m dgmtui record -o run.h5 {REPLICAS} trace; echo code $?.")
        typed.wait_for("other ranks wait 30 minutes at most")
        typed.press("\x1a")  # no shell governs a rank: none would bring it back
        typed.go_on()
        said = typed.wait_for_prompt("code ")
        assert "code 0." in said and typed.is_in_order
        shown = ESCAPES.sub(b"", typed.terminal.data).decode(errors="replace")
        assert "it opens on rank 0 only, and this is rank 1" in shown
    assert losses(shown) == losses(alone.stdout)
    with open_recording(sorted(tmp_path.glob("run.rank*.h5"))) as recording:
        assert [rank.end.reason for rank in recording.ranks if rank.end] == ["finished"] * 2
