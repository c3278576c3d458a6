"""What follows from dead units, told from recorded rows: gradients that are zero, layers that see zeros only."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.lineage import called_with
from dgmtui.recording.model import Quantity


def upstream(case: Case, feeder: str) -> tuple[str, ...]:
    """Which layers up to the dead rectifier's feeder get no gradient any more, and which moved on without one."""
    told = []
    silent = _silent(case, feeder)
    for since in sorted(set(silent.values())):
        modules = [module for module, began in silent.items() if began == since]
        when = "in any recorded iteration" if since == case.recording.rows[0] else f"since iteration {since:,}"
        told.append(f"No gradient has reached the weights of {listed(modules)} {when}.")
    if told:
        told += _coasting(case, silent)
    return tuple(told)


def _coasting(case: Case, silent: dict[str, int]) -> list[str]:
    """How long layers without a gradient went on moving."""
    until: dict[int, list[str]] = {}
    for module, since in silent.items():
        if (last := _moved_on(case, module, since)) is not None:
            until.setdefault(last, []).append(module)
    final = int(case.recording.rows[-1])
    parts = [
        f"{listed(modules)} {'to the end' if last == final else f'until iteration {last:,}'}"
        for last, modules in sorted(until.items())
    ]
    return [f"Momentum or weight decay still moved {', '.join(parts)}."] if parts else []


def downstream(feeds: tuple[str, ...]) -> tuple[str, ...]:
    """What the layers after a wholly dead rectifier get."""
    return (f"{listed(list(feeds))} {'get' if len(feeds) > 1 else 'gets'} nothing but zeros from it.",) if feeds else ()


def listed(modules: list[str], most: int = 4) -> str:
    """``a``, ``b`` and ``c``, the rest by number."""
    named = [f"`{module}`" for module in modules]
    if len(named) > most:
        return f"{', '.join(named[:most])} and {len(named) - most} more"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _silent(case: Case, feeder: str) -> dict[str, int]:
    """Modules called up to ``feeder`` whose weight gradient is zero in every row from an iteration on: that one."""
    last = called_with(case.graph, feeder)
    found = {}
    for channel, info in case.channels(Quantity.WEIGHT_GRADIENT):
        call = called_with(case.graph, info.module)
        if last is None or call is None or call.id > last.id:
            continue
        since = silent_since(case, channel)
        if since is not None:
            found[info.module] = int(case.recording.rows[since])
    return found


def silent_since(case: Case, channel: int, rows: int | None = None) -> int | None:
    """The row from which on a quantity is zero throughout, of the first ``rows`` (all); None where it is not."""
    absmax, called = case.statistic(channel, "absmax")[:rows], case.called(channel)[:rows]
    return _since(absmax, called, case.thresholds.dead_window_rows if rows is None else 1)


def _since(absmax: NDArray[np.float64], called: NDArray[np.bool_], window: int) -> int | None:
    """The row from which on it is zero wherever there was something to measure; None without so many such rows."""
    known = np.flatnonzero(called)
    alive = np.flatnonzero(absmax[known] != 0)
    begin = 0 if not len(alive) else int(alive[-1]) + 1
    return int(known[begin]) if len(known) - begin >= window else None


def _moved_on(case: Case, module: str, since: int) -> int | None:
    """The last iteration after ``since`` whose update was not zero; None where none was, or none was recorded."""
    channel = case.channel(module, Quantity.UPDATE)
    if channel is None:
        return None
    rows = case.recording.rows
    moved = np.flatnonzero((case.statistic(channel, "absmax") > 0) & (rows > since))
    return int(rows[moved[-1]]) if len(moved) else None
