"""How a layer came to give nothing but values below zero: what moved its weights and bias, told from recorded rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.findings.case import Case
from dgmtui.findings.layers.aftermath import silent_since
from dgmtui.findings.layers.lineage import called_with, feeding_call
from dgmtui.recording.model import Quantity, SnapshotInfo, StoredTensor

_FLOATS = ("float16", "float32", "float64")
"""dtypes that NumPy reads as torch wrote them."""


@dataclass(frozen=True)
class Range:
    """The least and the greatest of some values, at an iteration."""

    iteration: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3g} … {self.high:.3g}"


@dataclass(frozen=True)
class Moved:
    """What happened to a layer up to the iteration from which on its output lies below zero."""

    module: str
    since: int
    alive: int | None
    """The last recorded iteration before it; None where it was so from the first."""
    weight_before: float | None
    """Mean weight in the first recorded row; None where weights were not recorded."""
    weight_since: float | None
    update: tuple[int, float] | None
    """The recorded iteration whose update was the greatest up to then, and its norm as a share of the weights'."""
    coasting_since: int | None
    """The iteration since which no gradient had reached its weights by then; None where one did."""
    bias_before: Range | None
    """At the last snapshot at or before ``alive``."""
    bias_since: Range | None
    """At the first snapshot at or after ``since``."""
    taken: Range | None
    """What came in from the layer before at ``since``; None where that was not recorded."""
    taken_from: str | None

    @property
    def starved(self) -> bool:
        """What comes in is zero throughout, so that the bias alone goes out."""
        return self.taken is not None and self.taken.low == self.taken.high == 0

    @property
    def data(self) -> dict[str, object]:
        """What ``explain`` adds for programs."""
        biases = {"before": self.bias_before, "since": self.bias_since}
        return {
            "chain": self.sentence,
            "alive_until": self.alive,
            "largest_update": None
            if self.update is None
            else dict(zip(("iteration", "share"), self.update, strict=True)),
            "weight_mean": {"before": self.weight_before, "since": self.weight_since},
            "bias": {name: None if each is None else vars(each) for name, each in biases.items()},
            "input": None if self.taken is None else {"module": self.taken_from, **vars(self.taken)},
        }

    @property
    def sentence(self) -> str:
        """How it came, with the numbers."""
        told = [self._begin(), self._input(), self._parameters()]
        return "; ".join(part for part in told if part) + "."

    def _begin(self) -> str:
        if self.alive is None:
            return (
                f"`{self.module}` was below zero from the first recorded iteration, {self.since:,}: its initialisation "
                "or the first updates did that"
            )
        if self.starved:
            return f"`{self.module}` has given its bias alone since iteration {self.since:,} at the latest"
        said = f"`{self.module}` fell below zero between iterations {self.alive:,} and {self.since:,}"
        if self.coasting_since is not None:
            return f"{said}, moved by momentum or weight decay alone since iteration {self.coasting_since:,}"
        if self.update is not None:
            at, share = self.update
            said += f"; its largest recorded update till then was that of iteration {at:,} ({share:.0%} of its weights)"
        return said

    def _input(self) -> str:
        if self.taken is None:
            return ""
        if self.starved:
            return f"all that comes in from `{self.taken_from}` is zero"
        sign = (
            "is never below zero"
            if self.taken.low >= 0
            else "is of both signs"
            if self.taken.high > 0
            else "is below zero"
        )
        return f"what comes in from `{self.taken_from}` {sign} ({self.taken})"

    def _parameters(self) -> str:
        told = []
        if self.weight_since is not None and not self.starved:
            before = "" if self.weight_before is None else f"from {self.weight_before:.3g} "
            told.append(
                f"mean weight {before}to {self.weight_since:.3g}" if before else f"mean weight {self.weight_since:.3g}"
            )
        if self.bias_since is not None:
            before = (
                ""
                if self.bias_before is None or self.bias_before == self.bias_since
                else (f"from {self.bias_before} (iteration {self.bias_before.iteration:,}) to ")
            )
            told.append(f"bias {before}{self.bias_since} (iteration {self.bias_since.iteration:,})")
        return ", ".join(told)


def moved(case: Case, module: str, since: int) -> Moved:
    """What pushed ``module`` below zero by iteration ``since``."""
    rows = case.recording.rows
    row = min(int(np.searchsorted(rows, since)), len(rows) - 1)
    weights = _means(case, module)
    before = None if row == 0 else int(rows[row - 1])
    taken_from, taken = _taken(case, module, row)
    return Moved(
        module, since, before,
        None if weights is None or row == 0 else _finite(weights[0]),
        None if weights is None else _finite(weights[row]),
        _update(case, module, row),
        _coasting(case, module, row),
        None if before is None else bias_range(case, module, case.recording.nearest_snapshot(before)),
        bias_range(case, module, next((s for s in case.recording.snapshots if s.iteration >= since), None)),
        taken, taken_from,
    )  # fmt: skip


def _means(case: Case, module: str) -> NDArray[np.float64] | None:
    channel = case.channel(module, Quantity.WEIGHT)
    return None if channel is None else case.statistic(channel, "mean")


def _update(case: Case, module: str, row: int) -> tuple[int, float] | None:
    """The greatest update of the rows before ``row``, as a share of the weights' norm then."""
    update, weight = (case.channel(module, q) for q in (Quantity.UPDATE, Quantity.WEIGHT))
    if update is None or weight is None or row == 0:
        return None
    sizes = [np.hypot(case.statistic(c, "std")[:row], case.statistic(c, "mean")[:row]) for c in (update, weight)]
    shares = np.divide(sizes[0], sizes[1], out=np.full(row, np.nan), where=sizes[1] > 0)
    if not np.isfinite(shares).any():
        return None
    greatest = int(np.argmax(np.where(np.isfinite(shares), shares, -np.inf)))
    return int(case.recording.rows[greatest]), float(shares[greatest])


def _coasting(case: Case, module: str, row: int) -> int | None:
    """Since when no gradient reached a module's weights in the rows before ``row``, where any reached them at first."""
    channel = case.channel(module, Quantity.WEIGHT_GRADIENT)
    since = None if channel is None or row == 0 else silent_since(case, channel, row)
    return int(case.recording.rows[since]) if since else None


def _taken(case: Case, module: str, row: int) -> tuple[str | None, Range | None]:
    """The module before ``module`` and the range of its output in a row."""
    call = called_with(case.graph, module)
    source = None if call is None or case.graph is None else feeding_call(case.graph, call)
    channel = None if source is None else case.channel(source.module, Quantity.ACTIVATION)
    if source is None or channel is None:
        return None, None
    low, high = (float(case.statistic(channel, name)[row]) for name in ("min", "max"))
    known = np.isfinite([low, high]).all()
    return source.module, Range(int(case.recording.rows[row]), low, high) if known else None


def bias_range(case: Case, module: str, snapshot: SnapshotInfo | None) -> Range | None:
    """The range of a module's bias in a snapshot; None where there is none to read."""
    spec = None if snapshot is None else snapshot.tensors.get(f"param:{module}.bias" if module else "param:bias")
    if snapshot is None or spec is None or spec.dtype not in _FLOATS:
        return None
    try:
        values = _numbers(case.recording.tensor(spec))
    except RecordingError:
        return None
    finite = values[np.isfinite(values)]
    return Range(snapshot.iteration, float(finite.min()), float(finite.max())) if len(finite) else None


def _numbers(stored: StoredTensor) -> NDArray[np.floating]:
    """Flat; bytes that are no whole number of elements give none."""
    size = np.dtype(stored.dtype).itemsize
    return np.frombuffer(np.ascontiguousarray(stored.data[: len(stored.data) // size * size]).tobytes(), stored.dtype)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
