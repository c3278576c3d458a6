"""Gradients that are never zeroed, so that each step takes the sum of all that came before."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.parameter_facts import listed
from dgmtui.recording.model import SnapshotInfo

EARLIER = "earlier:"
_ROUNDING = 1e-2
"""Sums of half-precision gradients differ by less than this share of them."""


@dataclass(frozen=True)
class Carried:
    """Gradients that an iteration began with."""

    snapshot: SnapshotInfo
    parameters: tuple[str, ...]
    earlier: float
    """Their L2 norm."""
    own: float
    """L2 norm of what the backward pass added to them."""


@detector("gradient_accumulating")
def gradient_accumulating(case: Case) -> Iterator[Finding]:
    """The gradients of one step are still there when the next iteration's backward pass adds its own."""
    first = [s for s in case.recording.snapshots if s.iteration > 0]
    carried = [one for s in first if (one := _carried(case, s)) is not None]
    if len(carried) < case.thresholds.accumulating_snapshots or len(carried) * 2 < len(
        {(s.iteration, s.turn) for s in first if s.turn == carried[-1].snapshot.turn and s.optimizers}
    ):
        return
    yield _finding(case, carried)


def _carried(case: Case, snapshot: SnapshotInfo) -> Carried | None:
    """What the pass of a snapshot added its gradients to, less what earlier passes of its iteration had made."""
    if not any(step.outcome == "made" for step in snapshot.optimizers):
        return None
    turn = _turn(snapshot)
    before = [s for s in case.recording.snapshots if s.iteration == snapshot.iteration and _turn(s) < turn]
    if turn > 1 and {_turn(s) for s in before} != set(range(1, turn)):
        return None
    found: dict[str, float] = {}
    for path in (name.removeprefix(EARLIER) for name in snapshot.tensors if name.startswith(EARLIER)):
        was = case.array(snapshot, EARLIER + path)
        made = [a for s in before if (a := case.array(s, f"grad:{path}")) is not None]
        if was is None or any(a.shape != was.shape for a in made):
            continue
        rest = np.subtract(was, sum(made), dtype=np.float64) if made else was
        norm = float(np.linalg.norm(np.asarray(rest, np.float64).ravel()))
        if not made or norm > _ROUNDING * float(np.linalg.norm(np.asarray(was, np.float64).ravel())):
            found[path] = norm
    if not found:
        return None
    return Carried(snapshot, tuple(found), math.hypot(*found.values()), _norm(case, snapshot, "grad:", list(found)))


def _turn(snapshot: SnapshotInfo) -> int:
    return int(snapshot.turn) if snapshot.turn.isdigit() else 1


def _norm(case: Case, snapshot: SnapshotInfo, prefix: str, paths: list[str]) -> float:
    arrays = [case.array(snapshot, prefix + path) for path in paths]
    return float(np.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in arrays if a is not None)))


def _finding(case: Case, carried: list[Carried]) -> Finding:
    start, last = carried[0], carried[-1]
    modules = list(dict.fromkeys(path.rpartition(".")[0] for path in last.parameters))
    module = modules[0] if len(modules) == 1 else _shared(modules)
    onset = _since(case, start)
    share = last.earlier / last.own if last.own else float("inf")
    same = " exactly what the backward pass before it had left" if _is_what_was_left(case, start) else ""
    return Finding(
        kind="gradient_accumulating",
        severity=Severity.ERROR,
        iteration=last.snapshot.iteration,
        onset=onset,
        rank=case.recording.info.rank,
        phase="backward",
        turn=last.snapshot.turn or None,
        module=module,
        value=share,
        message=(
            f"The gradients are not zeroed between steps: iteration {start.snapshot.iteration:,} began with"
            f"{same or ' gradients'} of norm {start.earlier:.4g}, iteration {last.snapshot.iteration:,} with "
            f"{last.earlier:.4g}, to which its own {last.own:.4g} were added ({share:.3g} times as much is old). "
            f"{len(last.parameters)} parameters, of {listed(modules)}."
        ),
        advice=(
            "Call optimizer.zero_grad() once an iteration before backward(); to accumulate over several batches, zero "
            "after each step."
        ),
        evidence=(
            Evidence(f"goto {start.snapshot.iteration}", f"begins with a gradient of norm {start.earlier:.4g}"),
            Evidence(f"goto {last.snapshot.iteration}", f"begins with a gradient of norm {last.earlier:.4g}"),
        ),
        data={
            "iterations": [one.snapshot.iteration for one in carried],
            "earlier": [one.earlier for one in carried],
            "own": [one.own for one in carried],
        },
    )


def _since(case: Case, start: Carried) -> int:
    """The iteration after the last one that is known to have begun without, or the first if all have gradients."""
    before = [
        s.iteration
        for s in case.recording.snapshots
        if 0 < s.iteration < start.snapshot.iteration and s.turn == start.snapshot.turn
    ]
    return max(before) + 1 if before else 1


def _is_what_was_left(case: Case, start: Carried) -> bool:
    """Whether the snapshot of the iteration before holds, as its gradients, what this one begins with."""
    before = next(
        (
            s
            for s in case.recording.snapshots
            if s.iteration == start.snapshot.iteration - 1 and s.turn == start.snapshot.turn
        ),
        None,
    )
    if before is None or any(name.startswith(EARLIER) for name in before.tensors):
        return False
    pairs = [(case.array(before, f"grad:{p}"), case.array(start.snapshot, f"{EARLIER}{p}")) for p in start.parameters]
    return all(a is not None and b is not None and np.array_equal(a, b) for a, b in pairs)


def _shared(modules: list[str]) -> str:
    shared: list[str] = []
    for level in zip(*(module.split(".") for module in modules), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return ".".join(shared)
