"""Units that are zero for every sample: a rectifier whose inputs are all below zero passes no gradient back."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.lineage import feeding_call
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import Measure, ModuleInfo, Quantity

RECTIFIERS = ("ReLU", "ReLU6", "Threshold", "Hardtanh", "Hardswish")
"""Modules that give exactly zero over a half-line."""


@detector("dead_units")
def dead_units(case: Case) -> Iterator[Finding]:
    """A layer in which many units are zero for every sample, over a window up to the last recorded row."""
    recording, limits = case.recording, case.thresholds
    if len(recording.rows) < limits.dead_window_rows:
        return
    for channel, info in case.channels(Quantity.ACTIVATION):
        module = recording.module(info.module)
        if module.type not in RECTIFIERS or not info.units:
            continue
        zeros = np.asarray(recording.series(channel, Measure.ZEROS)[-limits.dead_window_rows :])
        dead = np.flatnonzero((zeros == 1.0).all(axis=0))
        share = len(dead) / info.units
        if share >= limits.dead_share_warning:
            yield _finding(case, channel, module, dead, info.units)


def _finding(case: Case, channel: int, module: ModuleInfo, dead: np.ndarray, units: int) -> Finding:
    recording, limits = case.recording, case.thresholds
    share = len(dead) / units
    onset = _onset(case, channel, share)
    fed_by = _feeder(case, module.path)
    layer = f", fed by `{fed_by}`" if fed_by else ""
    below = f" the outputs of `{fed_by}` are below zero" if fed_by else " what it receives is below zero"
    highest = _highest_input(case, fed_by)
    if highest is not None:
        below += f" (their greatest is {highest:.4g})" if highest < 0 else " nearly everywhere"
    return Finding(
        kind="dead_units",
        severity=Severity.ERROR if share >= limits.dead_share_error else Severity.WARNING,
        iteration=int(recording.rows[-1]),
        onset=onset,
        phase="forward",
        module=module.path,
        op="aten.relu" if module.type == "ReLU" else None,
        unit=int(dead[0]),
        value=share,
        message=(
            f"{share:.0%} of the units of `{module.path}` ({module.type}{layer}) are dead ({len(dead)} of {units}): "
            f"zero for every sample since iteration {onset:,}, as{below}; no gradient passes."
        ),
        advice=(
            f"Normalise what goes into `{module.path}` (batch norm before it), lower the learning rate or the scale of "
            "the input, or use a rectifier that leaks."
        ),
        evidence=(
            Evidence(f"module {module.path}", f"{len(dead)} of {units} units zero since iteration {onset}"),
            *((Evidence(f"module {fed_by}", "what feeds it"),) if fed_by else ()),
        ),
        data={"fed_by": fed_by, "dead": len(dead), "units": units, "share": share},
    )


def _onset(case: Case, channel: int, share: float) -> int:
    """The first recorded iteration from which at least nine tenths of today's dead share stayed dead."""
    zeros = np.asarray(case.recording.series(channel, Measure.ZEROS)[:])
    enough = (zeros == 1.0).mean(axis=1) >= 0.9 * share
    alive = np.flatnonzero(~enough)
    return int(case.recording.rows[0 if len(alive) == 0 else alive[-1] + 1])


def _feeder(case: Case, path: str) -> str | None:
    graph = case.graph
    if graph is None:
        return None
    for call in graph.calls:
        if call.module == path:
            source = feeding_call(graph, call)
            return None if source is None else source.module
    return None


def _highest_input(case: Case, fed_by: str | None) -> float | None:
    if fed_by is None:
        return None
    channel = case.recording.channel(fed_by, Quantity.ACTIVATION)
    value = case.statistic(channel, "max", last=1)
    return float(value[-1]) if np.isfinite(value[-1]) else None
