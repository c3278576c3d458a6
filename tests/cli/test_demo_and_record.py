"""``record`` and ``demo``: the process's own part; the recorder and the demos have tests of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.cli import main
from dgmtui.commands import demo
from dgmtui.commands.batch import Step, run_batch
from dgmtui.demos import DEMOS
from dgmtui.errors import ExitCode, UsageError

FAILS = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(8, 3)
print("arguments", sys.argv[1:])
for step in range(6):
    if step == 4:
        x[5] = 500.0 * model[0].weight[1].detach().sign()
    loss = model(x).exp().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def dgmtui(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "dgmtui", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, check=False)


def test_a_failing_script_is_recorded_and_its_cause_found(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(FAILS)
    done = dgmtui("record", "--every", "1", "train.py", "--lr", "3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "arguments ['--lr', '3']\n")
    assert "Traceback" not in done.stderr and "train.h5" in done.stderr
    done = dgmtui("train.h5", "--json", "--fail-on", "error", "-c", "findings", cwd=tmp_path)
    assert done.returncode == 1
    first = json.loads(done.stdout)["findings"][0]
    assert (first["kind"], first["phase"], first["iteration"]) == ("nonfinite", "forward", 4)
    assert (first["op"], first["sample"], first["unit"]) == ("aten.exp", 5, 1)
    assert first["source"].endswith("train.py:14")


def test_the_scripts_exit_code_and_exception_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("raise SystemExit(7)\n")
    (tmp_path / "raises.py").write_text("raise LookupError('mine')\n")
    assert dgmtui("record", "-o", "a.h5", "leaves.py", cwd=tmp_path).returncode == 7
    done = dgmtui("record", "raises.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "LookupError: mine" in done.stderr and "runpy" not in done.stderr


def test_the_demos_are_listed_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["demo", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown and item.story in shown for name, item in DEMOS.items())
    with pytest.raises(UsageError, match="no demo 'gan'; there are vae, "), demo.recorded("gan", None):
        pass


def test_the_investigation_ends_with_what_matters(small_recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Step(line) for line in demo.investigation(small_recording)]
    assert run_batch([str(small_recording)], steps, echo=True) == ExitCode.DONE
    end = capsys.readouterr().out.split("(dgm) explain")[1]
    wanted = [
        "iteration 30",
        "aten.exp",
        "sample 2",
        "train.py:12",
        "(dgm) chain",
        "input:x",
        "(dgm) replay",
        "replay ",
    ]
    places = [end.index(text) for text in wanted]
    assert places == sorted(places)
