"""What predicting the same for every sample would cost: the level that a network which has learned nothing reaches."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.losses.batches import Batch, Compared
from dgmtui.findings.losses.loss_terms import Form
from dgmtui.findings.losses.per_sample import elementwise

LEAST = 16
"""Fewer targets tell no distribution."""


@dataclass(frozen=True)
class Constant:
    """What the best constant prediction would cost, beside what the network's costs."""

    cost: float
    """Mean over elements, from the targets of the snapshots."""
    reached: float
    """The same of the network's own predictions in the late snapshots."""
    form: Form
    classes: int
    """How many classes the network tells; 0 where it tells none."""
    targets: int
    """From how many targets that is known."""

    @property
    def share(self) -> float:
        """Of the constant's cost, what the network's predictions cost."""
        return self.reached / self.cost

    @property
    def sentence(self) -> str:
        """What the level is."""
        match self.form:
            case Form.NLL | Form.SOFT_NLL:
                even = math.log(max(2, self.classes))
                if abs(self.cost - even) < 0.05 * even:
                    return f"guessing evenly among {self.classes} classes costs log {self.classes} = {even:.4g}"
                return f"giving every sample the classes' shares costs {self.cost:.4g}, their entropy"
            case Form.BCE | Form.BCE_LOGITS:
                known = "log 2 = " if abs(self.cost - math.log(2)) < 0.02 else ""
                return f"giving every sample the same probability costs {known}{self.cost:.4g}"
            case Form.SQUARED:
                return f"predicting the mean of the targets costs their variance, {self.cost:.4g}"
            case _:
                return f"predicting the median of the targets costs {self.cost:.4g}"


def best_constant(batches: Sequence[Batch], late: int) -> Constant | None:
    """What a constant would cost in the term that costs most; None where targets or predictions don't tell.

    Args:
        late: the predictions of the snapshots from this iteration on are judged.
    """
    terms: dict[int, list[tuple[Batch, Compared]]] = defaultdict(list)
    for batch in batches:
        for place, each in enumerate(batch.compared):
            if each.term.from_data:
                terms[place].append((batch, each))
    found = [constant for seen in terms.values() if (constant := _of_term(seen, late)) is not None]
    return max(found, key=lambda constant: constant.reached, default=None)


def _of_term(seen: Sequence[tuple[Batch, Compared]], late: int) -> Constant | None:
    form = seen[0][1].term.form
    alike = [(batch, each) for batch, each in seen if each.term.form is form]
    costs = [
        losses
        for batch, each in alike
        if batch.snapshot.iteration >= late and (losses := elementwise(each)) is not None
    ]
    cost = _cost(form, [each for _, each in alike])
    if not costs or cost is None or not math.isfinite(cost) or cost <= 0:
        return None
    values = np.concatenate([losses.ravel() for losses in costs])
    reached = float(values.mean()) * (_classes(alike[0][1]) if form is Form.SOFT_NLL else 1)
    targets = sum(each.target.size for _, each in alike)
    return Constant(cost, reached, form, _classes(alike[0][1]), targets) if math.isfinite(reached) else None


def _classes(compared: Compared) -> int:
    shape = compared.prediction.shape
    return int(shape[1]) if len(shape) > 1 and compared.term.form in (Form.NLL, Form.SOFT_NLL) else 0


def _cost(form: Form, seen: Sequence[Compared]) -> float | None:
    targets = [np.asarray(each.target) for each in seen]
    if sum(t.size for t in targets) < LEAST:
        return None
    if form is Form.NLL:
        return _entropy(np.concatenate([t.ravel() for t in targets]))
    if len({t.shape[1:] for t in targets}) != 1 or not targets[0].ndim:
        return None
    table = np.concatenate([t.reshape(len(t), -1) for t in targets]).astype(np.float64)
    if len(table) < LEAST:
        return None
    mean = table.mean(axis=0)
    match form:
        case Form.SQUARED:
            return float(table.var(axis=0).mean()) * len(table) / (len(table) - 1)
        case Form.ABSOLUTE:
            return float(np.abs(table - np.median(table, axis=0)).mean())
        case Form.SOFT_NLL:
            return float(-(mean * np.log(np.clip(mean, 1e-12, None))).sum())
        case _:
            return _binary_entropy(mean, len(table))


def _entropy(labels: NDArray[np.generic]) -> float:
    """Of the classes' shares, with the correction for few samples of Miller (1955)."""
    counts = np.unique(labels[labels.astype(np.float64) >= 0], return_counts=True)[1]
    shares = counts / max(1, counts.sum())
    return float(-(shares * np.log(shares)).sum()) + (len(counts) - 1) / (2 * max(1, int(counts.sum())))


def _binary_entropy(mean: NDArray[np.float64], count: int) -> float | None:
    if mean.min() < 0 or mean.max() > 1:
        return None
    p = np.clip(mean, 1e-12, 1 - 1e-12)
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()) + 1 / (2 * count)
