"""The list of runs as pictures: every state and every kind of finding, in two sizes, with and without colour."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgmtui.session.runs.model import Run, RunFiles, State, Worst
from dgmtui.session.runs.process import RunsProcess
from dgmtui.session.runs.shown import RunList
from dgmtui.session.runs.updates import Listed
from dgmtui.tui.runs import RunsApp

NOW = 1_800_000_000.0
FALL = tuple(1.0 / (1 + i / 8) for i in range(64))
RISE = (*FALL[:40], *(0.2 * 1.2**i for i in range(23)), math.inf)
OVERFLOW = Worst("error", "nonfinite", 24397, "The activation of `dec.xv` holds non-finite values (1 +Inf).", 3)
STUCK = Worst("warning", "loss_stuck", 1999, "The loss has been stuck near 1.193 since iteration 20.", 1)
SMALL_STEPS = Worst("info", "update_too_small", 500, "The steps of `enc.0` are 1e-9 of its weights.", 1)


def run(name: str, age: float, state: State, detail: str = "", **known: Any) -> Run:
    looked = {"looked": True} if known.get("iterations") else {}
    files = RunFiles(name, (Path(name),), NOW - age, ((1, 1, 1),))
    return replace(Run(files, state, detail), **{**looked, **known})


RUNS = (
    run("gpu0-lr1e-3-beta4.h5", 1, "running", iterations=812, loss=0.2314, losses=FALL),
    run("gpu1-lr1e-3-beta1.h5", 2, "running", iterations=2000, loss=1.193, losses=FALL[:9], worst=STUCK),
    run("gpu2-lr3e-3-beta4.h5.part", 3, "running", "in its first iteration", looked=True),
    run("gpu3-lr3e-3-beta1.h5", 90, "silent", "no iteration for 90 s, but process 4711 is there", iterations=70_000,
        loss=0.1, losses=FALL, looked=False),
    run("gpu4-lr1e-2.rank*.h5", 4000, "killed", "rank 1: killed after iteration 99: nobody writes it any more; 2 ranks",
        iterations=100, loss=0.4, losses=FALL[:30], worst=SMALL_STEPS),
    run("vae.h5", 8000, "stopped", "nonfinite at iteration 24397", iterations=24398, loss=math.inf, losses=RISE,
        worst=OVERFLOW),
    run("oom.h5", 9000, "exception", "exception at iteration 12", iterations=13, loss=0.9, losses=FALL[:13]),
    run("old.h5", 900_000, "done", iterations=8000, loss=0.02, losses=FALL),
    run("broken.h5", 900_001, "unreadable", "is not an HDF5 file: dgmtui opens what dgmtui record made."),
    run("huge.h5", 900_002, "unread"),
)  # fmt: skip


def app() -> RunsApp:
    process = RunsProcess(Path())
    process.close()
    listing = RunList(Path("/data/runs"))
    listing.take([Listed(tuple(each.files for each in RUNS)), *RUNS])
    return RunsApp(listing, process, clock=lambda: NOW)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["small", "large"])
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "plain"])
def test_the_list(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], colour: bool
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app(), terminal_size=size, press=["down"])


@pytest.mark.parametrize("keys", [("s", "slash", *"beta", "down"), ("f1",)], ids=["narrowed", "help"])
def test_narrowed_and_help(snap_compare: Callable[..., bool], keys: tuple[str, ...]) -> None:
    assert snap_compare(app(), terminal_size=(80, 24), press=keys)
