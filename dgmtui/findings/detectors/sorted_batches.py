"""Batches of one class each: the data are sorted and were not shuffled."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.losses.labels import labels_of
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import batches


@detector("sorted_batches")
def sorted_batches(case: Case) -> Iterator[Finding]:
    """Nearly every batch holds one class although there are several: the network learns and forgets them in turn."""
    seen = [(batch, labels) for batch in batches(case) if (labels := labels_of(batch)) is not None and len(labels) >= 4]
    if len(seen) < 4 or any(batch.snapshot.turn for batch, _ in seen):
        return
    pool = np.concatenate([labels for _, labels in seen])
    classes, counts = np.unique(pool, return_counts=True)
    single = [len(np.unique(labels)) == 1 for _, labels in seen]
    greatest = float(counts.max()) / len(pool)
    size = min(len(labels) for _, labels in seen)
    by_chance = max(greatest, 0.5) ** (size - 1)
    if len(classes) < 2 or np.mean(single) < 0.75 or by_chance > 0.01:
        return
    batch, labels = seen[0]
    yield Finding(
        kind="bad_input",
        severity=Severity.WARNING,
        iteration=batch.snapshot.iteration,
        rank=case.recording.info.rank,
        phase="input",
        value=float(np.mean(single)),
        message=(
            f"{sum(single)} of {len(seen)} batches hold a single class, though {len(classes)} occur in them: the "
            "data are "
            "sorted by class, and each batch pulls the network towards its own."
        ),
        advice="Shuffle: DataLoader(…, shuffle=True), or a permutation each epoch.",
        evidence=(Evidence(f"goto {batch.snapshot.iteration}", f"{len(labels)} labels, all {labels[0]}"),),
        data={"classes": len(classes), "batches": len(seen)},
    )
