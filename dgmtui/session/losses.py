"""The loss as the screen shows it: with what is marked on it, and what stands beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.comparing import names_of
from dgmtui.session.view import LossView, OtherLoss, Scalar

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.session.session import Session

LOSS_POINTS = 4000
_FLATTENS = 10.0
"""Times the median loss."""


def loss_view(session: "Session", findings: "Sequence[Finding]") -> LossView:
    """The loss of the recording that is looked at."""
    losses = session.landmarks.losses
    return LossView(
        *thin_losses(losses),
        snapshots=tuple(s.iteration for s in session.recording.snapshots),
        findings=tuple((f.iteration, str(f.severity)) for f in findings),
        others=_other_losses(session),
        scale=session.loss_drawn.scale,
        here=float(losses[session.iteration]) if session.iteration < len(losses) else None,
        scalars=tuple(_scalar(session, name) for name in beside_loss(session)),
        window=session.drawn.window,
    )


def beside_loss(session: "Session") -> tuple[str, ...]:
    """The scalars that are to stand beside the loss, as far as this rank logged them."""
    return tuple(name for name in session.loss_drawn.beside if name in session.recording.scalars)


def thin_losses(losses: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Iterations and losses, thinned to each part's minimum and maximum; a non-finite loss always stays.

    Args:
        losses: ``[T]``.
    """
    count = len(losses)
    if count <= LOSS_POINTS:
        return np.arange(count), losses
    finite = np.isfinite(losses)
    size = -(-count // (LOSS_POINTS // 2))
    padding = -count % size
    low = np.pad(np.where(finite, losses, np.inf), (0, padding), constant_values=np.inf)
    high = np.pad(np.where(finite, losses, np.inf), (0, padding), constant_values=-np.inf)
    begins = np.arange(0, count + padding, size)
    kept = np.union1d(begins + low.reshape(-1, size).argmin(axis=1), begins + high.reshape(-1, size).argmax(axis=1))
    kept = kept[kept < count]
    return kept, losses[kept]


def _scalar(session: "Session", name: str) -> Scalar:
    values = session.landmarks.scalar(name)
    here = float(values[session.iteration]) if session.iteration < len(values) else None
    return Scalar(name, *thin_losses(values), here=here)


def _other_losses(session: "Session") -> tuple[OtherLoss, ...]:
    if session.compared is None:
        return ()
    told = list(names_of(session.compared.recordings(session)).items())[1:]
    losses = session.compared.losses()
    return tuple(OtherLoss(letter, name, *thin_losses(each)) for (letter, name), each in zip(told, losses, strict=True))


def loss_scale(losses: NDArray[np.float64]) -> Literal["log", "linear"]:
    """Logarithmic where the losses are positive and a few of them would flatten all others."""
    finite = losses[np.isfinite(losses)]
    return "log" if len(finite) and finite.min() > 0 and finite.max() > _FLATTENS * np.median(finite) else "linear"
