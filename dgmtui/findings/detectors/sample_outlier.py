"""One sample, or a few, that are not like the others and drive the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.detectors.bad_input import rows_of
from dgmtui.findings.losses.batches import Batch
from dgmtui.findings.losses.loss_terms import Form
from dgmtui.findings.losses.per_sample import dataset_row, sample_losses
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.thresholds import Thresholds
from dgmtui.findings.visits import batches

_LEAST_SAMPLES = 6


@dataclass(frozen=True)
class Outlier:
    """Samples of one batch that stand apart."""

    batch: Batch
    samples: tuple[int, ...]
    """The furthest first."""
    what: str
    """In which respect: ``loss``, ``target`` or ``input NAME``."""
    value: float
    next: float
    """The greatest of the others."""
    share: float | None
    """Of the batch's loss, what they make; None where that is not known."""


@detector("sample_outlier")
def sample_outlier(case: Case) -> Iterator[Finding]:
    """A sample whose input, target or loss is many times that of all others in its batch."""
    found = [one for batch in batches(case) if (one := _of_batch(batch, case.thresholds)) is not None]
    if found:
        yield _finding(case, found)


def _of_batch(batch: Batch, limits: Thresholds) -> Outlier | None:
    """By input first, as that is why its loss is large; then by target, then by loss."""
    for entry, values in batch.entering:
        table = rows_of(entry, np.asarray(values, np.float64))
        name = entry.source.partition(":")[2] or "batch"
        found = _apart(np.abs(table - np.median(table)).max(axis=1), limits)
        if found is not None:
            return _outlier(batch, found, f"input `{name}`")
    for each in batch.compared:
        losses = sample_losses(batch, each)
        if losses is None:
            continue
        if each.term.form in (Form.SQUARED, Form.ABSOLUTE) and each.term.from_data:
            table = np.asarray(each.target, np.float64).reshape(len(each.target), -1)
            found = _apart(np.abs(table - np.median(table)).max(axis=1), limits)
            if found is not None:
                return _outlier(batch, found, "target")
        found = _by_loss(losses, each.term.form, limits)
        if found is not None:
            return _outlier(batch, found, "loss")
    return None


Apart = tuple[tuple[int, ...], float, float]


def _apart(sizes: NDArray[np.float64], limits: Thresholds) -> Apart | None:
    """The few whose size is many times that of the next; also where that next is an ordinary one, not near zero."""
    count = len(sizes)
    if count < _LEAST_SAMPLES or not np.isfinite(sizes).all():
        return None
    order = np.argsort(-sizes, kind="stable")
    for few in range(1, max(1, int(limits.outlier_few * count)) + 1):
        least, following = float(sizes[order[few - 1]]), float(sizes[order[few]])
        if following > 0 and least >= limits.outlier_gap * following:
            return tuple(order[:few].tolist()), float(sizes[order[0]]), following
    return None


def _by_loss(losses: NDArray[np.float64], form: Form, limits: Thresholds) -> Apart | None:
    """By residual where the loss is one of residuals; of likelihoods only where it is absurdly large."""
    total = float(losses.sum())
    worst = int(losses.argmax())
    if not np.isfinite(total) or total <= 0 or losses[worst] < limits.outlier_share * total:
        return None
    if form in (Form.SQUARED, Form.ABSOLUTE):
        found = _apart(np.sqrt(losses) if form is Form.SQUARED else losses, limits)
        return None if found is None else (found[0], float(losses[worst]), float(np.sort(losses)[-2]))
    if losses[worst] < limits.outlier_nats:
        return None
    return (worst,), float(losses[worst]), float(np.sort(losses)[-2])


def _outlier(batch: Batch, found: Apart, what: str) -> Outlier:
    samples, value, following = found
    shares = [
        float(losses[list(samples)].sum() / losses.sum())
        for each in batch.compared
        if (losses := sample_losses(batch, each)) is not None and 0 < losses.sum() < np.inf
    ]
    return Outlier(batch, samples, what, value, following, max(shares, default=None))


def _finding(case: Case, found: Sequence[Outlier]) -> Finding:
    worst = max(found, key=lambda one: one.share or 0.0)
    batch, sample = worst.batch, worst.samples[0]
    row = dataset_row(batch, sample)
    drives = worst.share is not None and worst.share >= case.thresholds.outlier_share
    return Finding(
        kind="sample_outlier",
        severity=Severity.ERROR if drives else Severity.WARNING,
        iteration=batch.snapshot.iteration,
        onset=found[0].batch.snapshot.iteration if found[0] is not worst else None,
        rank=case.recording.info.rank,
        phase="forward" if worst.what == "loss" else "input",
        turn=batch.snapshot.turn or None,
        sample=sample,
        samples=tuple(sorted(worst.samples)),
        dataset_index=row,
        value=worst.value,
        message=_message(worst, row, len(found)),
        advice="Look at that sample: a unit mistaken, a missing-value code, a wrong label; drop, clip or correct it.",
        evidence=(
            Evidence(f"goto {batch.snapshot.iteration}", "the batch that holds it"),
            Evidence(f"sample {sample}", f"{worst.what} {worst.value:.4g}, the next {worst.next:.4g}"),
        ),
        data={"what": worst.what, "next": worst.next, "share": worst.share, "snapshots": len(found)},
    )


def _message(worst: Outlier, row: int | None, snapshots: int) -> str:
    sample = worst.samples[0]
    place = "" if row is None else f" (row {row} of the data set)"
    others = "" if len(worst.samples) == 1 else f" and {len(worst.samples) - 1} more"
    share = "" if worst.share is None else f" It makes {worst.share:.0%} of that batch's loss."
    again = "" if snapshots == 1 else f" The like is seen in {snapshots} snapshots."
    respect = "loss" if worst.what == "loss" else f"distance of its {worst.what} from the median"
    return (
        f"Sample {sample}{place}{others} of iteration {worst.batch.snapshot.iteration:,} is not like the others: the "
        f"{respect} is {worst.value:.4g}, where the next has {worst.next:.4g}.{share}{again}"
    )
