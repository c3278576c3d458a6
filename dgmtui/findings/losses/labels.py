"""Class labels of a batch, as the loss takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.losses.batches import Batch, Compared
from dgmtui.findings.losses.loss_terms import Form


def labelled(batch: Batch) -> Compared | None:
    """The term of the loss that takes one class a sample; None where there is none."""
    for each in batch.compared:
        if each.term.from_data and _classes(each) is not None:
            return each
    return None


def labels_of(batch: Batch) -> NDArray[np.int64] | None:
    """``[N]``, one class a sample; None where the loss takes none, or one a position."""
    each = labelled(batch)
    return None if each is None else _classes(each)


def _classes(each: Compared) -> NDArray[np.int64] | None:
    target: NDArray[Any] = each.target
    flat = target.squeeze() if target.ndim > 1 and target.size == len(target) else target
    match each.term.form:
        case Form.NLL if flat.ndim == 1 and each.prediction.ndim == 2:
            return flat.astype(np.int64)
        case Form.BCE | Form.BCE_LOGITS if flat.ndim == 1 and np.isin(flat, (0, 1)).all():
            return flat.astype(np.int64)
        case Form.SOFT_NLL if target.ndim == 2 and target.shape == each.prediction.shape:
            return np.asarray(target.argmax(axis=1), np.int64)
    return None
