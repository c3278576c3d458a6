"""The same few rows of a larger data set at every iteration."""

from collections.abc import Iterator

from dgmtui.findings.case import Case
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector

_LEAST = 4


@detector("same_batch")
def same_batch(case: Case) -> Iterator[Finding]:
    """Every snapshot has the same rows of a data set that has more: the training sees one batch alone."""
    turns = {snapshot.turn for snapshot in case.recording.snapshots}
    for turn in sorted(turns):
        known = [s for s in case.recording.snapshots if s.turn == turn and "dataset_index" in s.extra]
        sets = {frozenset(s.extra["dataset_index"]) for s in known}
        size = next((s.extra["dataset_size"] for s in known if "dataset_size" in s.extra), None)
        if len(known) < _LEAST or len(sets) != 1 or size is None or len(rows := sets.pop()) >= size // 2:
            continue
        yield Finding(
            kind="bad_input",
            severity=Severity.WARNING,
            iteration=known[0].iteration,
            rank=case.recording.info.rank,
            phase="input",
            turn=turn or None,
            value=float(len(rows)),
            message=(
                f"All {len(known)} snapshots, from iteration {known[0].iteration:,} to {known[-1].iteration:,}, hold "
                "the "
                f"same {len(rows)} of the data set's {size:,} rows: the training sees one batch alone."
            ),
            advice=(
                "Iterate over the loader (`for x, y in loader`) instead of taking the first batch of a new iterator "
                "each time; on purpose, to see whether a batch can be learnt by heart, it is no fault."
            ),
            evidence=(Evidence(f"goto {known[-1].iteration}", f"rows {', '.join(map(str, sorted(rows)[:5]))} …"),),
            data={"rows": len(rows), "dataset_size": size},
        )
