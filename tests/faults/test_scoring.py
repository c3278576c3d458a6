"""Truths are validated, findings judged by them, and a forked child records what a fresh process does."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faults.forking import ENVIRONMENT, ForkServer
from faults.run import PACKAGE, Outcome, Runner
from faults.score import judge
from faults.truth import Truth, TruthError, corpus, load

FAULTY = """
kind = "nonfinite"
also = ["overflow_ahead"]
module = ["dec.0", "dec"]
sample = 5
iteration = [10, 20]
onset = 7
consequences = ["loss_stuck"]
source = "https://example.org/1"
report = "exp overflowed"
found_by = "planted"
"""
HEALTHY = 'kind = "none"\nreport = "plain"\nfound_by = "observer: learns"\n'
RIGHT = {
    "kind": "nonfinite", "severity": "error", "iteration": 15, "onset": 7, "module": "dec", "op": None, "sample": 5,
    "message": "exp overflows",
}  # fmt: skip
SCRIPT = """
import sys, torch
print(sys.argv, __name__)
torch.manual_seed(3)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.Adam(model.parameters())
for _ in range(12):
    optimizer.zero_grad()
    loss = model(torch.randn(8, 4)).square().mean()
    loss.backward()
    optimizer.step()
print(loss.item())
"""


def truth_of(folder: Path, told: str, name: str = "script") -> Truth:
    """As written into ``folder``."""
    script = folder / f"{name}.py"
    script.write_text("")
    script.with_suffix(".toml").write_text(told)
    return load(script)


def said(*changes: dict[str, Any]) -> Outcome:
    """Findings that are right but for these changes."""
    return Outcome(tuple({**RIGHT, **change} for change in changes))


def test_a_truth_is_read(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, FAULTY)
    assert truth.times == {"iteration": (10, 20), "onset": (7, 7)}
    assert truth.fields == {"module": ("dec.0", "dec"), "sample": (5,)}
    assert not truth.healthy


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "nonfinite"', 'kind = "broken"', "no kind broken"),
        ("sample = 5", "smaple = 5", "no field smaple"),
        ("onset = 7", "onset = [9, 7]", "onset"),
        ('"planted"', '"guessed"', "found_by"),
        ('source = "https://example.org/1"', "", "source"),
        ('report = "exp overflowed"', "", "report"),
        ("kind = ", "kind", "Expected"),
        ('kind = "nonfinite"', 'kind = "none"', "nothing to find"),
    ],
)
def test_a_truth_that_is_not_right_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(TruthError, match=says):
        truth_of(tmp_path, FAULTY.replace(old, new))


def test_a_script_without_a_truth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theme").mkdir()
    (tmp_path / "theme" / "alone.py").write_text("")
    with pytest.raises(TruthError, match="alone"):
        corpus(folder=tmp_path)
    with pytest.raises(TruthError, match="no theme and no script nosuch"):
        corpus(["nosuch"])


def test_the_root_cause_is_first_with_every_field(tmp_path: Path) -> None:
    score = judge(truth_of(tmp_path, FAULTY), said({}, {"kind": "loss_stuck"}))
    assert (score.first, score.listed, score.false_alarms) == (True, True, ())
    assert judge(truth_of(tmp_path, FAULTY), said({"kind": "overflow_ahead", "module": "dec.0"})).first


@pytest.mark.parametrize(
    "change",
    [{"kind": "loss_stuck"}, {"sample": 4}, {"module": None}, {"iteration": 21}, {"onset": 8}, {"onset": None}],
    ids=str,
)
def test_one_field_that_disagrees_is_a_miss(tmp_path: Path, change: dict[str, Any]) -> None:
    score = judge(truth_of(tmp_path, FAULTY), said(change))
    assert not score.first and not score.listed
    assert f"[{next(iter(change))} is" in score.said
    assert judge(truth_of(tmp_path, FAULTY), said(change, {})).listed


def test_an_onset_that_is_not_told_is_the_iteration(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, FAULTY.replace("onset = 7", "onset = [5, 16]"))
    assert judge(truth, said({"onset": None})).first


def test_an_error_that_does_not_follow_is_a_false_alarm(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, FAULTY)
    unrelated = {"kind": "dead_units", "message": "half are dead"}
    assert len(judge(truth, said({}, unrelated)).false_alarms) == 1
    assert judge(truth, said({}, {**unrelated, "severity": "warning"})).false_alarms == ()


def test_a_recording_that_failed_is_a_miss_and_says_so(tmp_path: Path) -> None:
    score = judge(truth_of(tmp_path, FAULTY), Outcome((), "it raised"))
    assert (score.first, score.listed, score.said) == (False, False, "it raised")
    assert judge(truth_of(tmp_path, HEALTHY), Outcome((), "it raised")).false_alarms == ("it raised",)


def test_a_healthy_script_may_be_warned_of_once(tmp_path: Path) -> None:
    truth, warning = truth_of(tmp_path, HEALTHY), {"severity": "warning"}
    assert judge(truth, said()).first
    assert judge(truth, said(warning, {"severity": "info"})).first
    assert len(judge(truth, said(warning, warning)).false_alarms) == 1
    assert not judge(truth, said({})).first


def test_a_forked_child_records_what_a_fresh_process_does(tmp_path: Path) -> None:
    from dgmtui.recording.reader import open_recording

    script, fresh, forked = tmp_path / "script.py", tmp_path / "fresh", tmp_path / "forked"
    script.write_text(SCRIPT)
    fresh.mkdir()
    forked.mkdir()
    arguments = ["record", "-o", "x.h5", "--every", "2", str(script), "--lr", "3"]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(PACKAGE.parent)}
    alone = subprocess.run(
        [sys.executable, "-m", "dgmtui", *arguments], cwd=fresh, env=environment, capture_output=True, text=True
    )
    with ForkServer(PACKAGE.parent) as server:
        assert server.threads == 1
        ran = server.run(arguments, forked)
        again = server.run(["record", "-o", "x.h5", str(tmp_path / "none.py")], forked)
    assert (ran.code, ran.out, ran.err) == (alone.returncode, alone.stdout, alone.stderr)
    assert again.code == 2 and "there is no script" in again.err
    with open_recording(str(fresh / "x.h5")) as one, open_recording(str(forked / "x.h5")) as other:
        assert one.losses().tobytes() == other.losses().tobytes()
        assert list(one.rows) == list(other.rows)
        assert [s.iteration for s in one.snapshots] == [s.iteration for s in other.snapshots]
        assert one.statistics(0).tobytes() == other.statistics(0).tobytes()


def test_what_was_done_before_is_not_done_again(tmp_path: Path) -> None:
    class Counting(ForkServer):
        lines = 0

        def run(self, arguments: Any, folder: Path) -> Any:
            self.lines += 1
            return super().run(arguments, folder)

    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with Counting(PACKAGE.parent) as server:
        runner = Runner(server, tmp_path / "cache")
        first = runner.outcome(script)
        assert (server.lines, first.trouble, first.thinned) == (2, "", False)
        assert runner.outcome(script) == first and server.lines == 2
        runner.outcome(script, ["--every", "3"])
        assert server.lines == 4
        script.write_text("raise SystemExit(7)")
        assert "could not be recorded" in runner.outcome(script).trouble
