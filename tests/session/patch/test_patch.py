"""Patches of edits: applied to the script that was recorded, they do to it what the edits did to the iteration."""

import io
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import DgmtuiError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from tests.answers import run

SHIPPED = Path(__file__).parents[3] / "recordings"
FAILS_AT = 4
SCRIPT = '''"""Überläuft: die Gewichte bleiben, wie sie sind."""
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        h = self.lin(x)
        return h + h.tanh()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.act = nn.ReLU()
        self.tail = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid())
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = self.act(self.block(x))
        größe = 0.5; scale = self.head(h)
        kept = scale.relu_()
        both = torch.exp(kept + 0.1) + (kept - 1).exp() * größe
        rate = torch.exp(
            kept - self.tail(h).sum(),
        ) ** 2
        return (both - -kept).mean() + rate.mean()


torch.manual_seed(3)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
for i in range(5):
    x = torch.rand(8, 4)
    if i == 4:
        x[3] = 500.0
    loss = net(x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
'''


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script recorded: it fails in its last iteration."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "fit.py").write_text(SCRIPT, encoding="utf-8")
    line = [sys.executable, "-m", "dgmtui", "record", "-o", "run.h5", "fit.py"]
    subprocess.run(line, cwd=folder, capture_output=True, timeout=120)
    return folder / "run.h5"


@pytest.fixture
def session(recorded: Path) -> Iterator[Session]:
    with open_recording(recorded) as recording:
        session = Session(recording)
        REGISTRY.run(session, f"goto {FAILS_AT}")
        yield session


def losses(script: Path) -> list[float]:
    said = io.StringIO()
    with redirect_stdout(said):
        runpy.run_path(str(script))
    return [float(word) for word in said.getvalue().split()]


HOLD = (
    ("replace exp with softplus + 0.01",),
    ("replace exp with identity * 2 - 0.5",),
    ("replace exp with square", "replace tanh with silu"),
    ("replace exp with softplus", "replace softplus with relu6 * 3"),
    ("replace relu_ with clamp(-2, 2)",),
    ("clamp head[1] -1 1", "clamp head[0] -1 1", "scale head[2] 0"),
    ("clamp head -inf 20",),
    ("clamp block -5 5", "scale . 0.25"),
    ("scale block.lin 0.001", "clamp block[2] -inf 0.1", "scale tail 2"),
    ("replace exp at . with gelu", "replace pow with relu", "replace neg with sigmoid"),
    ("clamp node:9 0 1", "scale node:2 -1", "replace exp with square"),
)


@pytest.mark.parametrize("edits", HOLD, ids=lambda edits: "; ".join(edits))
@pytest.mark.parametrize("tool", [["patch", "-p0", "-i"], ["git", "apply", "-p0"]], ids=["patch", "git"])
def test_the_patched_script_does_what_the_edited_iteration_did(
    session: Session, recorded: Path, tmp_path: Path, edits: tuple[str, ...], tool: list[str]
) -> None:
    edited = [run(session, line) for line in edits][-1]
    said = run(session, f"export --patch {tmp_path / 'fix.patch'}")
    assert [change["in_diff"] for change in said["changes"]] == [True] * len(said["changes"])
    shutil.copy(recorded.with_name("fit.py"), tmp_path)
    subprocess.run([*tool, "fix.patch"], cwd=tmp_path, check=True, capture_output=True)
    assert losses(tmp_path / "fit.py")[FAILS_AT] == pytest.approx(edited["loss"], rel=1e-5)


def test_the_patched_script_holds(session: Session, recorded: Path, tmp_path: Path) -> None:
    assert run(session, "replace exp with softplus + 0.01")["held"]
    before = recorded.with_name("fit.py").read_bytes()
    run(session, f"export {tmp_path / 'fix.patch'}")
    assert recorded.with_name("fit.py").read_bytes() == before, "a user's file is never written"
    shutil.copy(recorded.with_name("fit.py"), tmp_path)
    subprocess.run(["patch", "-p0", "-i", "fix.patch"], cwd=tmp_path, check=True, capture_output=True)
    assert all(loss < 1e6 for loss in losses(tmp_path / "fit.py")[: FAILS_AT + 1])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("replace relu at act with tanh", "put nn.Tanh() in the place of act (ReLU)"),
        ("replace relu at act with tanh * 2", "put a module whose forward gives that in the place of act (ReLU)"),
        ("replace exp at node:9 with softplus", ""),
        ("clamp tail.0 0 1", "what tail.0 (Linear) gives out: kept from 0 to 1, at its call"),
        ("set param:tail.0.weight[1] *= 0.5", "with torch.no_grad(): model.tail[0].weight[1].mul_(0.5)"),
        ("set param:head.bias = 0.25", "with torch.no_grad(): model.head.bias.fill_(0.25)"),
        ("set param:head.bias = param:head.bias * 2", "model.head.bias.copy_(…) # param:head.bias * 2, of shape 3"),
        ("set input[0][3] = input[0][2]", "[3] of the batch = input[0][2], where the batch is made"),
        ("drop sample 3", "sample 3 of the batch: leave it out where the batch is made"),
    ],
)
def test_what_no_diff_can_do_is_told_in_words(session: Session, line: str, words: str) -> None:
    run(session, line)
    said = run(session, "export --patch")
    assert said.keys() == {"command", "file", "format", "iteration", "patch", "changes"}
    (change,) = said["changes"]
    assert change.keys() == {"edit", "file", "line", "words", "in_diff"}
    assert change["edit"] == line and words in change["words"]
    assert change["in_diff"] == ("+++ fit.py" in said["patch"]) == (not words)
    assert said["patch"].startswith("# dgmtui: 1 edit of iteration 4 as changes of the code\n")


def test_a_line_that_is_another_by_now_is_shown_and_not_patched(
    session: Session, recorded: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(session, "replace exp at node:9 with softplus + 0.01")
    script = recorded.with_name("fit.py")
    for text in (SCRIPT.replace("+ 0.1)", "+ 0.2)"), "def broken(:\n" * 40, None):
        script.unlink() if text is None else script.write_text(text, encoding="utf-8")
        try:
            said = run(session, "export --patch")
        finally:
            script.write_text(SCRIPT, encoding="utf-8")
        assert not any(change["in_diff"] for change in said["changes"])
        assert all(line.startswith("#") for line in said["patch"].splitlines())
        assert "#   - both = torch.exp(kept + 0.1) + (kept - 1).exp() * größe" in said["patch"]
        assert "#   + both = (F.softplus(kept + 0.1) + 0.01) + (kept - 1).exp() * größe" in said["patch"]


def test_without_edits_there_is_nothing_to_export(session: Session, tmp_path: Path) -> None:
    for line in ("export --patch", f"export {tmp_path / 'a.patch'}"):
        with pytest.raises(DgmtuiError, match="export: no edit stands at iteration 4; `set`"):
            REGISTRY.run(session, line)
    assert not list(tmp_path.iterdir())


def test_a_patch_replaces_a_patch_and_nothing_else(session: Session, tmp_path: Path) -> None:
    run(session, "clamp head -inf 20")
    for _ in range(2):
        assert run(session, f"export {tmp_path / 'a.patch'}")["file"] == str(tmp_path / "a.patch")
    (tmp_path / "notes.txt").write_text("mine\n")
    with pytest.raises(DgmtuiError, match="is no .patch that dgmtui wrote"):
        REGISTRY.run(session, f"export --patch {tmp_path / 'notes.txt'}")
    assert (tmp_path / "notes.txt").read_text() == "mine\n"
