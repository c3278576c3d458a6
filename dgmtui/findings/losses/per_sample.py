"""How much of a batch's loss each of its samples makes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.losses.batches import Batch, Compared
from dgmtui.findings.losses.loss_terms import Form
from dgmtui.trace.batch import batch_size


@dataclass(frozen=True)
class Share:
    """The sample that makes most of a batch's loss."""

    iteration: int
    sample: int
    dataset_index: int | None
    share: float
    loss: float
    typical: float
    """The median sample's."""
    form: Form

    @property
    def sentence(self) -> str:
        """What it did."""
        row = "" if self.dataset_index is None else f" (row {self.dataset_index} of the data set)"
        return (
            f"Sample {self.sample}{row} of iteration {self.iteration:,} makes {self.share:.0%} of that loss: "
            f"{self.loss:.4g}, where the median sample has {self.typical:.4g}."
        )


def greatest_share(batch: Batch) -> Share | None:
    """The sample with the greatest share of the loss; None where samples can't be told apart."""
    told = [(each, losses) for each in batch.compared if (losses := sample_losses(batch, each)) is not None]
    if not told:
        return None
    each, losses = max(told, key=lambda pair: float(pair[1].sum()))
    total = float(losses.sum())
    if not np.isfinite(total) or total <= 0:
        return None
    sample = int(losses.argmax())
    return Share(
        batch.snapshot.iteration,
        sample,
        dataset_row(batch, sample),
        float(losses[sample]) / total,
        float(losses[sample]),
        float(np.median(losses)),
        each.term.form,
    )


def dataset_row(batch: Batch, sample: int) -> int | None:
    """The row of the data set that a sample is, where that is known."""
    index = batch.snapshot.extra.get("dataset_index")
    return int(index[sample]) if index and sample < len(index) else None


def sample_losses(batch: Batch, compared: Compared) -> NDArray[np.float64] | None:
    """``[N]``, what each sample of the batch puts into a term; None where its first axis is not the batch's."""
    size = batch_size(batch.graph)
    losses = elementwise(compared)
    if losses is None or size is None or size < 2 or losses.shape[:1] != (size,):
        return None
    return np.asarray(losses.reshape(size, -1).mean(axis=1))


def elementwise(compared: Compared) -> NDArray[np.float64] | None:
    """The term before its mean, in the prediction's shape (NLL: one value a label); None where the shapes of
    prediction and target don't fit."""
    prediction, target = np.asarray(compared.prediction, np.float64), compared.target
    form = compared.term.form
    if form is Form.NLL:
        return _nll(prediction, target)
    if prediction.size != target.size:
        return None
    y = np.asarray(target, np.float64).reshape(prediction.shape)
    with np.errstate(all="ignore"):
        match form:
            case Form.SQUARED:
                return np.asarray((prediction - y) ** 2)
            case Form.ABSOLUTE:
                return np.asarray(np.abs(prediction - y))
            case Form.SOFT_NLL:
                return np.asarray(-prediction * y)
            case Form.BCE:
                p = np.clip(prediction, 1e-44, 1)
                q = np.clip(1 - prediction, 1e-44, 1)
                return np.asarray(-(y * np.log(p) + (1 - y) * np.log(q)))
            case _:
                return np.asarray(np.logaddexp(0, prediction) - y * prediction)


def _nll(scores: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64] | None:
    """Of log-probabilities ``[N, C, …]`` and labels ``[N, …]``, which a gather has with a dimension more."""
    if scores.ndim < 2 or labels.dtype.kind not in "iu":
        return None
    index = labels if labels.ndim == scores.ndim else np.expand_dims(labels, 1)
    axis = 1 if labels.ndim != scores.ndim else next((a for a, n in enumerate(index.shape) if n == 1), 1)
    known = (index >= 0) & (index < scores.shape[axis])
    try:
        taken = -np.take_along_axis(scores, np.where(known, index, 0), axis)
    except (ValueError, IndexError):
        return None
    return np.where(known, taken, 0.0).squeeze(axis)
