"""Finding the motifs of a table, and of a recording the groups of series that share one."""

from typing import TYPE_CHECKING

from dgmtui.findings.case import Case
from dgmtui.findings.causes.onset import rows_of_past
from dgmtui.findings.motifs.groups import Event, events_of, groups_of
from dgmtui.findings.motifs.jumps import jumps
from dgmtui.findings.motifs.model import MotifKind, Motifs, Patterns, Table
from dgmtui.findings.motifs.oscillation import oscillations
from dgmtui.findings.motifs.scaling import filled, scaled
from dgmtui.findings.motifs.sources import count_series, tables
from dgmtui.findings.motifs.trends import divergences, drifts, plateaus
from dgmtui.findings.thresholds import DEFAULT, Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dgmtui.recording.reader import Recording
    from dgmtui.trace.progress import Progress


def find_patterns(
    recording: "Recording",
    *,
    kind: MotifKind | None = None,
    module: str | None = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
) -> Patterns:
    """The groups of series of a recording that share a motif, the earliest first.

    Args:
        kind: only motifs of this kind.
        module: only series of this module and what it contains.
        progress: told how many series were looked at; may cancel.
    """
    case = Case(recording, thresholds)
    total, done = count_series(case, module), 0

    def told() -> "Iterable[Table]":
        nonlocal done
        for table in tables(case, module):
            if progress is not None:
                progress.update(done / max(1, total), f"{done:,} of {total:,} series looked at")
            yield table
            done += len(table.values)

    return patterns_of(told(), rows=len(recording.rows), kind=kind, thresholds=thresholds)


def patterns_of(
    found_in: "Iterable[Table]", *, rows: int, kind: MotifKind | None = None, thresholds: Thresholds = DEFAULT
) -> Patterns:
    """The groups of series of some tables that share a motif.

    Args:
        rows: how many rows series have at most.
    """
    events: list[Event] = []
    series = 0
    enough = False
    for table in found_in:
        series += len(table.values)
        if len(table.iterations) < thresholds.motif_rows or not len(table.values):
            continue
        enough = True
        for motifs in motifs_of(table, thresholds):
            if kind is None or motifs.kind == kind:
                events += events_of(table, motifs)
    return Patterns(groups_of(events, thresholds), series, rows, not enough)


def motifs_of(table: Table, thresholds: Thresholds) -> tuple[Motifs, ...]:
    """All motifs of a table's series."""
    past = max(5, rows_of_past(table.iterations, thresholds.onset_past))
    finite = filled(table.values)
    series, floor = scaled(finite, table.signed)
    spikes, steps = jumps(series, table.iterations, past, floor, thresholds)
    return (
        divergences(table.values, series, table.iterations, past, floor, thresholds),
        steps,
        drifts(series, table.iterations, past, floor, thresholds),
        spikes,
        plateaus(finite, past, thresholds),
        oscillations(series, table.iterations, past, thresholds),
    )
