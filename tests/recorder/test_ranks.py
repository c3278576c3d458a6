"""Two ranks under ``torchrun``: a file each, opened as one; and which of them a failure came from."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dgmtui.cli import main
from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import OF_WEIGHTS, Match, Measure
from dgmtui.session.session import Session
from tests.waiting import PATIENCE

SCRIPTS = Path(__file__).parents[1] / "ranks"
LAUNCH = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def torchrun(*line: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *LAUNCH, *map(str, line)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=200)


@contextmanager
def recorded(tmp_path: Path, *script: str, options: tuple[str, ...] = ()) -> Iterator[tuple[Session, str]]:
    name, *arguments = script
    done = torchrun("-m", "dgmtui", "record", *options, "-o", tmp_path / "run.h5", SCRIPTS / name, *arguments)
    with open_recording(sorted(tmp_path.glob("run.rank*.h5"))) as recording:
        assert [each.info.rank for each in recording.ranks] == [0, 1], done.stderr
        yield Session(recording), done.stdout


def losses(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("0x")]


def test_replicas_train_as_without_and_every_snapshot_matches(tmp_path: Path) -> None:
    alone = torchrun(SCRIPTS / "replicas.py", "nothing")
    with recorded(tmp_path, "replicas.py", "nothing") as (session, printed):
        assert len(losses(printed)) == 60 and losses(printed) == losses(alone.stdout)
        assert session.ranks.findings() == ()
        for recording in session.recording.ranks:
            assert recording.iteration_count == 60 and {m.path for m in recording.modules} == {"", "0", "1", "2"}
            for snapshot in recording.snapshots:
                assert snapshot.verdict.forward is Match.MATCHES and "averaged" in snapshot.verdict.detail


def test_a_loss_that_fails_on_one_rank_is_told_of_that_rank(tmp_path: Path) -> None:
    with recorded(tmp_path, "replicas.py", "loss") as (session, _):
        finding, *others = session.ranks.findings()
        assert others == [] and session.rank == 1
        assert (finding.rank, finding.iteration, finding.op, finding.sample) == (1, 30, "aten.exp", 3)
        assert [r.end.reason for r in session.recording.ranks if r.end] == ["exception", "nonfinite"]


def test_a_gradient_that_came_with_the_average_is_a_consequence(tmp_path: Path) -> None:
    with recorded(tmp_path, "replicas.py", "gradient") as (session, _):
        finding, *others = session.ranks.findings()
        assert others == []
        assert (finding.rank, finding.iteration, finding.phase, finding.op) == (1, 30, "backward", "aten.sqrt")
        assert any("rank 0" in text for text in finding.consequences)
    with open_recording(tmp_path / "run.rank0.h5") as alone:
        (finding,) = Session(alone).results.findings()
        assert "came from another rank" in finding.message and finding.iteration == 30


def test_replicas_that_part_are_a_finding(tmp_path: Path) -> None:
    with recorded(tmp_path, "replicas.py", "diverge", options=("--every", "5")) as (session, _):
        (finding,) = session.ranks.findings()
        told = finding.kind, finding.rank, finding.module, finding.iteration, finding.onset
        assert told == ("rank_divergence", 1, "0", 30, 25)


def test_a_rank_that_is_killed_leaves_the_others_whole(tmp_path: Path) -> None:
    with recorded(tmp_path, "replicas.py", "kill") as (session, _):
        zero, one = session.recording.ranks
        assert zero.end is not None and zero.end.reason == "exception" and zero.iteration_count >= 30
        assert one.end is None and one.iteration_count == 30
        data = REGISTRY.run(session, "rank").data
        assert [row["end"] for row in data["ranks"]] == ["exception", None]


def test_a_rank_that_waits_for_another_ends_whole_when_asked_to(tmp_path: Path) -> None:
    line = ("-m", "dgmtui", "record", "-o", tmp_path / "run.h5", SCRIPTS / "replicas.py", "wait")
    process = subprocess.Popen(
        [sys.executable, *LAUNCH, *map(str, line)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(30):
        assert process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=2 * PATIENCE)
    with open_recording(sorted(tmp_path.glob("run.rank*.h5"))) as recording:
        ends = [each.end.reason for each in recording.ranks if each.end]
        assert ends == ["interrupted", "interrupted"], "before torchrun kills, after 30 seconds"


def test_replicas_of_every_form_train_as_without_and_the_one_that_fails_is_found(tmp_path: Path) -> None:
    """A static graph, gradients as views, compressed, accumulated; unused parameters; a layer used twice."""
    alone = torchrun(SCRIPTS / "variants.py")
    with recorded(tmp_path, "variants.py") as (session, printed):
        assert len(losses(printed)) == 58 and losses(printed) == losses(alone.stdout)[:58]
        finding = session.ranks.findings()[0]
        assert (finding.kind, finding.rank, finding.iteration, finding.sample) == ("nonfinite", 1, 58, 3)
        for recording in session.recording.ranks:
            assert recording.iteration_count == 59
            assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots)
            accumulated = [s.verdict.gradient for s in recording.snapshots if s.iteration == 32]
            assert accumulated == [Match.MATCHES, Match.NOT_MADE], "the first part's is this rank's own"


@pytest.mark.parametrize("script", ["sharded.py", "sharded_flat.py"])
def test_a_sharded_model_is_recorded_and_says_that_it_has_no_replay(tmp_path: Path, script: str) -> None:
    alone = torchrun(SCRIPTS / script)
    with recorded(tmp_path, script) as (session, printed):
        assert len(losses(printed)) == 30 and losses(printed) == losses(alone.stdout)[:30]
        finding = session.ranks.findings()[0]
        assert (finding.kind, finding.rank, finding.iteration) == ("nonfinite", 1, 30)
        snapshot = session.recording.snapshot(30)
        assert snapshot is not None and "sharded" in snapshot.missing[0]


def test_of_a_sharded_weight_each_rank_follows_elements_of_its_own_part(tmp_path: Path) -> None:
    alone = torchrun(SCRIPTS / "sharded.py")
    with recorded(tmp_path, "sharded.py", options=("--elements", "100", "--every", "4")) as (session, printed):
        assert losses(printed) == losses(alone.stdout)[:30]
        for recording in session.recording.ranks:
            for quantity in OF_WEIGHTS:
                channel = recording.channel("0", quantity)
                known = recording.channels[channel]
                assert (known.units, known.elements, known.shape) == (0, 100, (16, 8))
                held = recording.series(channel, Measure.ELEMENT)[np.flatnonzero(recording.rows % 4 == 0)]
                assert held.shape == (8, 100) and np.isfinite(held).all() and held.any(axis=1).all()
        for line in ("module 0", "quantity weight element"):
            REGISTRY.run(session, line)
        assert REGISTRY.run(session, "dynamics").data["total"] == 100


def test_ranks_are_looked_at_one_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recorded(tmp_path, "replicas.py", "loss") as (session, _):
        REGISTRY.run(session, "module 0")
        assert REGISTRY.run(session, "rank 0").data["rank"] == 0
        assert (session.rank, session.module, session.view().title) == (0, "0", "run.rank0.h5 (rank 0 of 2)")
        assert session.view().findings[0].message.startswith("rank 1: ")
        with pytest.raises(UsageError, match="open are: 0, 1"):
            REGISTRY.run(session, "rank 2")
    (tmp_path / "run.rank2.h5").touch()
    files = [str(path) for path in sorted(tmp_path.glob("run.rank*.h5"))]
    assert main([*files, "--batch", "-c", "rank"]) == 0
    assert "run.rank2.h5 is empty" in capsys.readouterr().err
    with pytest.raises(UsageError, match="both of rank 0"):
        open_recording([files[0], *_copied(Path(files[0]), tmp_path)])


def _copied(path: Path, folder: Path) -> list[Path]:
    copy = folder / "copy.h5"
    copy.write_bytes(path.read_bytes())
    with Recording(copy) as recording:
        assert recording.info.rank == 0
    return [copy]
