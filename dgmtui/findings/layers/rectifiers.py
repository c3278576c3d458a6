"""Rectifiers, be they modules or functions, with which of their units are dead and since when."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.activations import Site
from dgmtui.findings.layers.lineage import called_with, feeding_call, made_by
from dgmtui.recording.model import Measure, Quantity
from dgmtui.trace.graph import Graph, Node

RECTIFIERS = {
    "ReLU": "aten.relu",
    "ReLU6": "aten.hardtanh",
    "Hardswish": "aten.hardswish",
}
"""Modules that give zero over a half-line, with the operation that they run."""


@dataclass(frozen=True)
class Rectifier:
    """A rectifier of which some units are dead."""

    module: str
    """Its own path, or that of the module whose ``forward`` calls the function."""
    name: str
    """How a sentence calls it."""
    op: str
    fed_by: str | None
    """The module whose output it rectifies."""
    dead: NDArray[np.bool_]
    """``[U]``."""
    onset: int
    """Since when nine tenths of these units are dead: the first iteration of the recorded rows from which on they are
    zero for every sample in each row."""
    complete: int
    """Since when all of them are."""
    source: str | None = None
    source_text: str | None = None
    seen: str = ""
    """Where the units were seen dead, in words; empty for the recorded rows."""


Dead: TypeAlias = tuple[NDArray[np.bool_], int, int]
"""``[U]``, which units are dead, since when nine tenths of them are, and since when all."""


def rectifiers(case: Case) -> tuple[Rectifier, ...]:
    """Every rectifier of which the recording tells which units are dead, be it none: modules, then functions."""
    return (*_modules(case), *_functions(case))


def _modules(case: Case) -> Iterator[Rectifier]:
    """Rectifiers that are modules: their own outputs are recorded, unit by unit."""
    for channel, info in case.channels(Quantity.ACTIVATION):
        module = case.module(info.module)
        if module is None or module.type not in RECTIFIERS or not info.units:
            continue
        zeros = np.asarray(case.recording.series(channel, Measure.ZEROS)[:]) == 1.0
        found = _dead(case, zeros, case.called(channel), case.samples(info.module))
        if found is not None:
            call = called_with(case.graph, module.path)
            feeder = None if call is None or case.graph is None else feeding_call(case.graph, call)
            name = f"`{module.path}` ({module.type})"
            fed_by = None if feeder is None else feeder.module
            yield Rectifier(module.path, name, RECTIFIERS[module.type], fed_by, *found)


def _functions(case: Case) -> Iterator[Rectifier]:
    """``F.relu``: the module before it is recorded, and which of its units get no gradient back."""
    graph = case.graph
    for node in graph.nodes if graph else ():
        inside = graph.calls[node.call].type if graph and node.call >= 0 else ""
        if graph is None or node.name.rstrip("_") != "aten.relu" or inside in RECTIFIERS:
            continue
        made = made_by(graph, next(node.inputs()))
        found = None if made is None else _behind(case, graph, node, made.module)
        if found is not None and made is not None:
            source = node.source
            place, text = (str(source), source.text) if source else (None, None)
            name = "`relu`" + (f" at {place}" if place else "")
            yield Rectifier(graph.module_of(node), name, "aten.relu", made.module, *found, place, text)


def _behind(case: Case, graph: Graph, node: Node, module: str) -> Dead | None:
    """Which units of ``module`` are dead in the rectifier at ``node`` that alone takes them, and since when."""
    activation, gradient = (case.channel(module, q) for q in (Quantity.ACTIVATION, Quantity.GRADIENT))
    if activation is None or not case.recording.channels[activation].units:
        return None
    called, samples = case.called(activation), case.samples(module)
    below = np.broadcast_to(
        (case.statistic(activation, "max") <= 0)[:, None],
        (len(called), case.recording.channels[activation].units),
    )
    found = _dead(case, below, called, samples)
    if found is not None and found[0].all():
        return found
    if gradient is None or len(graph.users(next(node.inputs()))) != 1:
        return None
    silent = np.asarray(case.recording.series(gradient, Measure.ZEROS)[:]) == 1.0
    found = _dead(case, silent, case.called(gradient), samples)
    return None if found is None or found[0].all() else found  # all: the gradient may stop further on


def _dead(case: Case, zeros: NDArray[np.bool_], called: NDArray[np.bool_], samples: int) -> Dead | None:
    """Units that are zero in every row of the last window, and since when nine tenths and all of them are.

    Args:
        zeros: ``[R, U]``.
        called: ``[R]``, whether there was anything to measure in a row.
        samples: in one row.
    """
    limits, rows = case.thresholds, case.recording.rows
    window = max(limits.dead_window_rows, math.ceil(limits.dead_window_samples / samples))
    known = np.flatnonzero(called[: len(rows)])
    if len(known) < window or zeros.shape[1] == 0:
        return None
    dead: NDArray[np.bool_] = np.all(zeros[known[-window:]], axis=0)
    share: NDArray[np.float64] = zeros[known].mean(axis=1)

    def since(enough: NDArray[np.bool_]) -> int:
        alive = np.flatnonzero(~enough)
        return int(rows[known[0 if len(alive) == 0 else alive[-1] + 1]])

    return dead, since(np.asarray(share >= 0.9 * dead.mean())), since(np.asarray(np.all(zeros[known][:, dead], axis=1)))


def matches(rectifier: Rectifier, site: Site) -> bool:
    """Whether the two are of the same activation function."""
    return (rectifier.module, rectifier.op, rectifier.fed_by) == (site.module, site.op, site.fed_by)
