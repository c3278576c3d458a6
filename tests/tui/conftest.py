"""A session made by hand: one view of a VAE that failed, and commands that change it in ways a test can see."""

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from dgmtui.commands.grammar import ModulePath, Rest
from dgmtui.commands.registry import Registry, command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.replaced import OpenFiles
from dgmtui.session.touring import Tour
from dgmtui.session.view import (
    CreditRow,
    CreditView,
    DynamicsLine,
    DynamicsView,
    FindingRow,
    LossView,
    OperationRow,
    TreeRow,
    View,
)
from tests.waiting import PATIENCE

MODULES = (
    ("", "VAE", 0, True, "error"),
    ("enc", "enc Sequential", 1, True, "ok"),
    ("enc.0", "0 Linear", 2, False, "ok"),
    ("enc.1", "1 ReLU", 2, False, "warning"),
    ("dec", "dec Decoder", 1, True, "error"),
    ("dec.h", "h Linear", 2, False, "ok"),
    ("dec.xv", "xv Linear", 2, False, "error"),
)


def tree() -> tuple[TreeRow, ...]:
    ramp = tuple(float(2**i) for i in range(12))
    rows = []
    for path, label, depth, children, health in MODULES:
        spark = (*ramp, math.inf) if path == "dec.xv" else ramp[:6] if not children else ()
        detail = "12% zeros" if path == "enc.1" else ""
        rows.append(TreeRow(path, label, depth, children, health, spark, detail))
    return tuple(rows)


def loss() -> LossView:
    values = 400 * np.exp(-np.arange(1318) / 200.0) + 20
    values[900] = 300.0
    values[-1] = math.inf
    return LossView(np.arange(1318), values, (0, 640, 1317), ((512, "warning"), (1317, "error")))


def dynamics(module: str) -> DynamicsView:
    steps = np.arange(0, 1318, 10)
    random = np.random.default_rng(7)
    lines = [
        DynamicsLine(unit, "cover", random.normal(size=len(steps)).cumsum().astype(np.float32), None)
        for unit in range(12)
    ]
    lines.append(DynamicsLine(63, "outlier", np.linspace(0, -30, len(steps), dtype=np.float32), None))
    burst = np.where(np.arange(len(steps)) == 60, 25, 0).astype(np.float32)
    lines.append(DynamicsLine(17, "event", burst, None))
    grows = np.exp(np.linspace(0, 4, len(steps))).astype(np.float32)
    grows[-1] = np.inf
    lines.append(DynamicsLine(212, "nonfinite", grows, 1317))
    return DynamicsView(module, "activation", "mean", steps, tuple(lines), 784, 1, 0, "symlog")


def credit() -> CreditView:
    shares = (4.1, 2.2, -1.3, 0.02)
    rows = tuple(
        CreditRow("dec.h", 17 + i, 5, 4.12 - i, share, 0.02 * i, approximate=i == 3) for i, share in enumerate(shares)
    )
    target = "dec.xv[212] of sample 5 = 89.41, then exp = inf"
    return CreditView(target, rows, "inputs 82 % · bias 18 %")


def operations() -> tuple[OperationRow, ...]:
    return (
        OperationRow(0, "aten.addmm", "dec.h", (64, 256), -3.5, 4.25, 0, "train.py:28", False),
        OperationRow(1, "aten.relu", "dec", (64, 256), 0.0, 4.25, 0, "train.py:28", False),
        OperationRow(2, "aten.addmm", "dec.xv", (64, 784), -9.75, 89.41, 0, "train.py:30", False),
        OperationRow(3, "aten.exp", "", (64, 784), 5.8e-05, 3.1e38, 1, "train.py:31", True),
        OperationRow(4, "aten.sum", "", (), None, None, 1, "train.py:32", False),
    )


def findings() -> tuple[FindingRow, ...]:
    return (
        FindingRow(1317, "error", "nonfinite", "exp overflows: dec.xv[212] of sample 5 is 89.41", "dec.xv"),
        FindingRow(512, "warning", "overflow_ahead", "dec.xv[212] leaves its past", "dec.xv"),
    )


def made_view(**changes: Any) -> View:
    view = View(
        title="vae.h5",
        iterations=1318,
        snapshot_count=3,
        cursor=1317,
        phase="forward",
        verdict="replay agrees",
        module="dec.xv",
        unit=212,
        sample=5,
        quantity="activation",
        tree=tree(),
        loss=loss(),
        dynamics=dynamics("dec.xv"),
        credit=credit(),
        operations=operations(),
        findings=findings(),
        findings_complete=True,
    )
    return replace(view, **changes)


class FakeSession:
    """What the screen asks of a session, without a recording."""

    def __init__(self, view: View) -> None:
        self.lock = threading.RLock()
        self.files = OpenFiles(())
        self.history: list[str] = []
        self.diary = SimpleNamespace(begin=lambda: None, keep=self.history.append, broken_off=None)
        self.shown = view
        self.cancelled = threading.Event()
        self.looked = 0
        self.slow_look = False
        self.under_way = (0.0, "")
        self.sampling_due = False
        self.sampling: tuple[float, str] | None = None
        modules = [SimpleNamespace(path=row.path) for row in view.tree]
        self.recording = SimpleNamespace(modules=modules)
        self.watched = False
        self.training: Any = None
        self.tour = Tour()
        self.stops = SimpleNamespace(take_said=lambda: "")
        self.ranks = SimpleNamespace(findings=self._find)

    def view(self) -> View:
        return self.shown

    def prepare(self) -> None:
        pass

    def settle(self) -> bool:
        return False

    def note_findings(self) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled.set()

    def cancel_sampling(self) -> None:
        pass

    def renew(self, **changes: Any) -> None:
        """As a session does: other arrays with equal numbers."""
        self.change(loss=loss(), dynamics=dynamics(self.shown.module), **changes)

    def _find(self) -> None:
        self.looked += 1
        if self.slow_look and not self.cancelled.wait(PATIENCE):
            raise AssertionError("nobody cancelled")
        if self.slow_look:
            self.slow_look = False
            raise UsageError("cancelled; nothing was changed")
        self.shown = replace(self.shown, findings_complete=True, findings=findings())

    def change(self, **changes: Any) -> None:
        self.shown = replace(self.shown, **changes)


def made_registry() -> Registry:
    registry = Registry()

    @command("next-nonfinite", group="move", keys=(("n", "next-nonfinite", "next"),), registry=registry)
    def next_nonfinite(session: Any) -> Result:
        """Stand on the next non-finite value."""
        session.change(cursor=1317, phase="forward")
        return Result("", blocks=(Text("iteration 1317, forward"),))

    @command("goto", group="move", keys=(("g", "goto ", "go to"),), registry=registry)
    def goto(session: Any, n: int) -> Result:
        """Go to an iteration."""
        session.change(cursor=n, phase=None)
        return Result("", blocks=(Text(f"iteration {n}"),))

    @command("step", group="move", keys=(("right", "step", ""), ("l", "step", "")), registry=registry)
    def step(session: Any) -> Result:
        """Go one iteration on."""
        session.change(cursor=session.shown.cursor + 1)
        return Result("", blocks=(Text("stepped"),))

    @command("module", group="look", registry=registry)
    def module(session: Any, path: ModulePath) -> Result:
        """Look at a module."""
        path = "" if path == "." else path
        session.change(module=path, dynamics=dynamics(path))
        return Result("", blocks=(Text(f"module {path}"),))

    @command("search", group="look", registry=registry)
    def search(session: Any, text: Rest) -> Result:
        """Look at the first module that holds a text."""
        found = next((row for row in session.shown.tree if text in row.label.lower()), None)
        if found is None:
            raise UsageError(f"no module holds {text!r}")
        return module(session, found.path)

    @command("credit", group="analyse", keys=(("c", "credit", "credit"),), registry=registry)
    def contributions(session: Any, target: str = "nonfinite", *, by: Literal["unit", "module"] = "unit") -> Result:
        """Assign credit to a target."""
        session.change(credit=credit())
        return Result("", blocks=(Text("target"), Table(("module", "unit"), (("dec.h", 17),))))

    @command("explain", group="analyse", registry=registry)
    def explain(session: Any) -> Result:
        """One finding with its evidence."""
        return Result("", blocks=(Text("exp overflows"), Table(("series", "value"), (("dec.xv", 89.41),))))

    @command("fail", group="session", registry=registry)
    def fail(session: Any) -> Result:
        """Fail with a sentence."""
        raise UsageError("this can't be done; do that")

    @command("crash", group="session", registry=registry)
    def crash(session: Any) -> Result:
        """Fail without one."""
        raise ZeroDivisionError("by nothing")

    @command("wait", group="session", registry=registry)
    def wait(session: Any) -> Result:
        """Work until cancelled."""
        session.under_way = (0.5, "working")
        if not session.cancelled.wait(PATIENCE):
            raise AssertionError("nobody cancelled")
        raise UsageError("cancelled; nothing was changed")

    @command("quit", group="session", keys=(("q", "quit", "quit"),), registry=registry)
    def leave(session: Any) -> Result:
        """End the session."""
        return Result("", quit=True)

    return registry


@pytest.fixture
def registry() -> Registry:
    return made_registry()


@pytest.fixture
def view() -> View:
    return made_view()


@pytest.fixture
def session(view: View) -> FakeSession:
    return FakeSession(view)


@pytest.fixture
def fresh_session() -> FakeSession:
    """Before anything needed torch: no replay, no contributions, no operations, findings not all looked for."""
    bare = made_view(
        cursor=0, phase=None, module="", unit=None, sample=None, verdict="not replayed", credit=None, operations=(),
        findings=(), findings_complete=False, dynamics=None,
    )  # fmt: skip
    return FakeSession(bare)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield
