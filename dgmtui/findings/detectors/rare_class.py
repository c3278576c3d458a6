"""Classes so rare that the network learns the common one and leaves them be."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.losses.labels import labelled, labels_of
from dgmtui.findings.losses.per_sample import sample_losses
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import batches

Seen = Sequence[tuple[int, NDArray[np.int64], NDArray[np.float64]]]
"""Iteration, labels and losses of the samples of batches."""


def _costs(seen: Seen, rare: int, common: int) -> tuple[float, float]:
    """The mean loss of the samples of two classes; NaN where none occur."""
    labels, losses = (np.concatenate([np.asarray(each[i]) for each in seen]) for i in (1, 2))
    found = (losses[labels == one] for one in (rare, common))
    of_rare, of_common = (float(np.mean(each)) if len(each) else float("nan") for each in found)
    return of_rare, of_common


@detector("rare_class")
def rare_class(case: Case) -> Iterator[Finding]:
    """One class outnumbers another twenty to one, and the loss of the rare one has not fallen."""
    seen = []
    for batch in batches(case):
        each, labels = labelled(batch), labels_of(batch)
        losses = None if each is None else sample_losses(batch, each)
        if labels is not None and losses is not None and len(losses) == len(labels) and not batch.snapshot.turn:
            seen.append((batch.snapshot.iteration, labels, losses))
    if len(seen) < 4:
        return
    pool = np.concatenate([labels for _, labels, _ in seen])
    classes, counts = np.unique(pool, return_counts=True)
    common, rare = int(classes[counts.argmax()]), int(classes[counts.argmin()])
    ratio = float(counts.max() / counts.min())
    half = len(seen) // 2
    before, last = seen[:half], seen[half:]
    (rare_first, common_first), (of_rare, of_common) = (_costs(part, rare, common) for part in (before, last))
    few = sum(int((labels == rare).sum()) for _, labels, _ in last)
    if len(classes) < 2 or ratio < case.thresholds.imbalance_ratio or few < 3:
        return
    if not (of_rare >= max(np.log(len(classes)), rare_first) and of_common <= 0.7 * common_first):
        return
    yield Finding(
        kind="sample_outlier",
        severity=Severity.WARNING,
        iteration=last[-1][0],
        rank=case.recording.info.rank,
        phase="input",
        value=ratio,
        message=(
            f"Class {common} outnumbers class {rare} {ratio:.0f} to 1 in the snapshots' batches and makes the loss "
            "fall "
            f"alone: its samples cost {of_common:.3g}, those of class {rare} still {of_rare:.3g}, more than guessing "
            f"evenly ({np.log(len(classes)):.3g})."
        ),
        advice="Weight the classes in the loss, or draw the rare ones more often; judge class by class.",
        evidence=(Evidence(f"goto {last[-1][0]}", f"{int(counts.min())} of {len(pool)} labels are {rare}"),),
        data={"common": common, "rare": rare, "ratio": ratio},
    )
