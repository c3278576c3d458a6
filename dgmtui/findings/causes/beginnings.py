"""How a failure began: when the numbers that led to it left their past, and which sample made them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.causes.onset import last_finite, onset_of, rows_of_past, rows_where_left
from dgmtui.findings.layers.growth import MARGIN
from dgmtui.findings.layers.lineage import called_with
from dgmtui.findings.model import Evidence
from dgmtui.recording.model import Measure, Quantity, SnapshotInfo

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

LED = ((Quantity.WEIGHT, Measure.NORM, "the norm of the weight"), (Quantity.ACTIVATION, Measure.RMS, "the output"))
"""Series of a unit that may have led to it: what stays for good before what comes and goes."""


@dataclass(frozen=True)
class Beginning:
    """Where a failure began, with what shows it."""

    iteration: int
    text: str
    """Sentences with the numbers."""
    evidence: tuple[Evidence, ...]
    sample: int | None = None
    """The row of the batch at ``iteration`` that made it, where a snapshot of it was kept."""
    dataset_index: int | None = None


@dataclass(frozen=True)
class _Left:
    """A series that left its past."""

    module: str
    unit: int | None
    before: int
    """The last row's iteration within the past."""
    at: int
    text: str


def beginning_of(case: Case, birth: "Birth", failing: SnapshotInfo) -> Beginning | None:
    """When the numbers that the failing operation took left their past; None where no series shows it."""
    modules = [operand.module for operand in birth.operands if operand.module] or [birth.module]
    for module in dict.fromkeys(filter(None, modules)):
        left = _left(case, module, birth.unit, failing.iteration)
        if left is not None:
            return _told(case, left, failing)
    return None


def _told(case: Case, left: _Left, failing: SnapshotInfo) -> Beginning:
    loss = _loss_within(case, left)
    iteration = left.at if loss is None else loss[0]
    sentences = [f"It began {failing.iteration - iteration:,} iterations earlier, at {iteration:,}:"]
    if loss is not None:
        sentences.append(
            f"the loss was {loss[1]:.4g} there, where the {loss[3]} before were at most {loss[2]:.4g}, and"
        )
    sentences.append(left.text)
    place = f"module {left.module}"
    evidence = [Evidence(place, left.text.rstrip("."))]
    if loss is not None:
        past = case.thresholds.onset_losses
        window = f"dynamics --window {max(0, iteration - past)} {iteration + past}"
        evidence.append(Evidence(window, f"loss {loss[1]:.4g} at {iteration}"))
    sample, row, said = _sample(case, left, iteration, failing)
    sentences.append(said)
    return Beginning(iteration, " ".join(filter(None, sentences)), tuple(evidence), sample, row)


def _left(case: Case, module: str, unit: int | None, before: int) -> _Left | None:
    """The earliest series of the unit that left its past, else the greatest value of the module's output."""
    found = [] if unit is None else [left for left in _of_unit(case, module, unit, before)]
    if found:
        return min(found, key=lambda left: left.at)
    seen = onset_of(case, module, Quantity.ACTIVATION, before)
    if seen is None:
        return None
    rows = case.recording.rows
    place = int(np.searchsorted(rows, seen[0]))
    return _Left(module, None, int(rows[max(0, place - 1)]), seen[0], f"{seen[1]}.")


def _of_unit(case: Case, module: str, unit: int, before: int) -> Iterator[_Left]:
    for quantity, measure, name in LED:
        channel = case.channel(module, quantity)
        if channel is None or unit >= case.recording.channels[channel].width(measure):
            continue
        called = case.called(channel)
        rows = case.recording.rows[called]
        values = np.asarray(case.recording.series(channel, measure)[:], np.float64)[called][:, unit : unit + 1]
        least = max(3, rows_of_past(rows, case.thresholds.onset_past))
        row = _jump(values[:, 0], int(rows_where_left(values, case.thresholds.onset_growth, least, MARGIN)[0]),
                    case.thresholds.onset_growth)  # fmt: skip
        if row > 0 and rows[row] < before:
            was, now, end = float(values[:row].max()), float(values[row, 0]), float(last_finite(values)[0])
            text = (
                f"{name} of `{module}`[{unit}] had left its past by iteration {int(rows[row]):,}: {now:.4g}, at most "
                f"{was:.4g} before, and it did not come back ({end:.4g} at the end)."
            )
            yield _Left(module, unit, int(rows[row - 1]), int(rows[row]), text)


def _jump(values: NDArray[np.float64], left: int, growth: float) -> int:
    """The row at which a series that left its past at row ``left`` rose most above all before it, where that was a jump
    by the factor ``growth``; else ``left``: it crept."""
    if left <= 0:
        return left
    highest = np.maximum.accumulate(np.where(np.isfinite(values), values, np.inf))
    with np.errstate(all="ignore"):
        rises = np.where(np.isfinite(values[left:-1]), values[left:-1] / highest[left - 1 : -2], 0.0)
    return left + int(rises.argmax()) if len(rises) and rises.max() >= growth else left


def _loss_within(case: Case, left: _Left) -> tuple[int, float, float, int] | None:
    """The greatest loss between the rows, where it stands out: iteration, loss, the greatest before it, of how many."""
    start, past = left.before + 1, case.thresholds.onset_losses
    losses, before = case.recording.losses(start, left.at + 1), case.recording.losses(max(0, start - past), start)
    losses, before = np.where(np.isfinite(losses), losses, -np.inf), before[np.isfinite(before)]
    if not len(losses) or len(before) < past // 2:
        return None
    place, highest = int(losses.argmax()), float(before.max())
    if not (highest > 0 and losses[place] >= case.thresholds.onset_growth * highest):
        return None
    return start + place, float(losses[place]), highest, len(before)


def _sample(case: Case, left: _Left, iteration: int, failing: SnapshotInfo) -> tuple[int | None, int | None, str]:
    """The row that made the unit's gradient there, its row of the data set, and a sentence."""
    kept = [s for s in case.snapshots if s.iteration == iteration and s.turn == failing.turn]
    if not kept:
        return None, None, f"No snapshot of it was kept: recorded with `--snapshot {iteration}`, it tells the sample."
    sizes = _gradients_of(case, left, kept[0])
    if sizes is None or len(sizes) < 2 or not sizes.sum() > 0 or not np.isfinite(sizes).all():
        return None, None, ""
    sample, share = int(sizes.argmax()), float(sizes.max() / sizes.sum())
    if share * len(sizes) < case.thresholds.onset_sample:
        return None, None, ""
    index: Sequence[int] = kept[0].extra.get("dataset_index") or ()
    row = int(index[sample]) if sample < len(index) else None
    named = f"Sample {sample}" + ("" if row is None else f" (row {row} of the data set)")
    what = f"`{left.module}`" + ("" if left.unit is None else f"[{left.unit}]")
    said = (
        f"{named} made {share:.1%} of the gradient of {what} in that iteration: {sizes[sample]:.4g}, where the median "
        f"sample has {float(np.median(sizes)):.4g}."
    )
    return sample, row, said


def _gradients_of(case: Case, left: _Left, snapshot: SnapshotInfo) -> NDArray[np.float64] | None:
    """``[N]``, the magnitude of the gradient of the unit (or of all) in each row of the batch."""
    replay, graph, module = case.replay(snapshot), case.graph_of(snapshot), case.module(left.module)
    call = called_with(graph, left.module)
    gradient = None if replay is None or call is None or not call.outputs else replay.gradient(call.outputs[0])
    if gradient is None or gradient.dim() < 2:
        return None
    values = np.abs(gradient.detach().double().cpu().numpy())
    axis = None if module is None else module.unit_axis
    if left.unit is not None and axis is not None and 0 < axis < values.ndim and left.unit < values.shape[axis]:
        values = values.take([left.unit], axis)
    return np.asarray(values.reshape(len(values), -1).sum(axis=1))
