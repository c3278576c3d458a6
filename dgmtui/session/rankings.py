"""Which samples and classes activate units most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.activations import Activations


@dataclass(frozen=True)
class RankedSample:
    """One sample of the batch."""

    sample: int
    value: float
    """The units' greatest activations over positions, averaged over units; may be non-finite."""
    unit: int
    """Of these units the most active one."""
    place: tuple[int, ...]
    """Position of its greatest activation; empty where it is one number."""


def ranked_samples(activations: Activations, units: tuple[int, ...]) -> list[RankedSample]:
    """All samples, the most activating first, and before those the ones for which a value is NaN."""
    peaks = activations.peaks[:, list(units)]
    with np.errstate(invalid="ignore", over="ignore"):
        values = peaks.mean(axis=1, dtype=np.float64)
    order = np.argsort(-np.where(np.isnan(values), np.inf, values), kind="stable")
    ranked = []
    for sample in order.tolist():
        unit = units[int(peaks[sample].argmax())]
        ranked.append(RankedSample(sample, float(values[sample]), unit, activations.place(sample, unit)))
    return ranked


def class_means(means: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The classes ``[C]``, ascending, and the mean activation of each unit for each ``[C, U]``.

    Args:
        means: ``[S, U]``.
        labels: ``[S]``.
    """
    classes, rows = np.unique(labels, return_inverse=True)
    sums = np.zeros((len(classes), means.shape[1]))
    with np.errstate(invalid="ignore"):
        np.add.at(sums, rows, means)
    return classes, sums / np.bincount(rows)[:, None]


def strongest_classes(means: NDArray[np.float64], labels: NDArray[np.int64] | None) -> list[int | None]:
    """For each column of ``means`` ``[S, U]`` the class of greatest mean; None without labels, or where it is NaN."""
    if labels is None or len(labels) != len(means):
        return [None] * means.shape[1]
    classes, found = class_means(means, labels)
    finite = [all(column) for column in np.isfinite(found).T.tolist()]
    best: list[int] = classes[np.nan_to_num(found).argmax(axis=0)].tolist()
    return [label if known else None for label, known in zip(best, finite, strict=True)]
