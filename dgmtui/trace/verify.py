"""Does the replay give the recorded iteration again? Bit for bit where it was recorded, within tolerance elsewhere."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recording.model import STATISTICS, Match, Verdict
from dgmtui.trace.statistics import merge_statistics, statistics_of
from dgmtui.trace.tensors import from_stored

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.trace.replay import Replay

_RELATIVE = {"float64": 1e-9, "float32": 1e-3, "bfloat16": 5e-2, "float16": 1e-2}
"""Differences of summation order grow with depth: some thousand times the unit roundoff of the dtype."""

_UNSEEN = "a custom autograd.Function or a hook, whose backward pass a trace does not hold, may have made it"

_SUMMED, _EXTREME = [STATISTICS.index("mean"), STATISTICS.index("std")], STATISTICS.index("absmax")
_SUM_ROUNDING = 1e-5
"""What is added up unit by unit is added up in another order than at once, float32 in stretches: mean and standard
deviation may differ by so much of the largest element where every bit of the tensor is the same."""

_CANCELLED = 1e-2
"""A gradient below this share of the largest is what is left when large terms cancel, as that of a bias before batch
norm: it is compared with that share, since its own size is that of the terms' rounding."""


def verify(
    replay: "Replay",
    *,
    loss: Tensor,
    statistics: Mapping[str, NDArray[np.float64]],
    gradients: Mapping[str, Tensor] | None,
) -> Verdict:
    """Compare a replay with the iteration that was recorded, bit for bit, in the process that recorded it.

    ``statistics``: module path → ``[9]`` of its first output, calls merged by ``merge_statistics``. ``gradients``:
    those this backward made, by the name of the outside tensor (``param:PATH``); None where none was made.
    Forward and gradient are judged apart; NaN equals NaN.
    """
    try:
        replay.forward()
        difference = _loss_difference(replay.loss, loss) or next(_statistics_differences(replay, statistics), "")
    except ReplayError as error:
        return Verdict(Match.DIFFERS, Match.NOT_MADE, str(error))
    gradient, why = _judge_gradients(replay, gradients)
    if difference:
        return Verdict(Match.DIFFERS, gradient, difference)
    if why:
        return Verdict(Match.MATCHES, gradient, why)
    compared = f"the loss, the statistics of {_count(len(statistics), 'module')}"
    made = f" and {_count(len(gradients), 'gradient')}" if gradients is not None else "; no gradient was made"
    return Verdict(Match.MATCHES, gradient, f"bit for bit equal: {compared}{made}")


def verify_elsewhere(replay: "Replay", recording: "Recording", snapshot: "SnapshotInfo") -> Verdict:
    """Compare a replay with what a snapshot holds, in another process or on another machine.

    ``matches`` where all is bit for bit equal, ``agrees`` where loss, statistics and gradients are within the dtype's
    tolerance and the same elements are non-finite (counts, for statistics), else ``differs``. What differed in the
    training process, where more could be compared, differs everywhere.
    """
    if snapshot.verdict.forward is Match.DIFFERS:
        said = f"it differed already where it was recorded: {snapshot.verdict.detail}"
        return Verdict(Match.DIFFERS, Match.NOT_MADE, said)
    try:
        replay.forward()
    except ReplayError as error:
        return Verdict(Match.DIFFERS, Match.NOT_MADE, str(error))
    dtype = replay.graph.meta(replay.graph.loss).dtype
    recorded = torch.tensor(snapshot.loss, dtype=torch.float64)
    forward, why = _compare(replay.loss.double().reshape(()), recorded, dtype, "the loss")
    stored = {path: np.array([float(v) for v in row]) for path, row in snapshot.extra.get("statistics", {}).items()}
    for path, ours in module_statistics(replay, stored).items():
        judged, text = _compare_statistics(ours, stored[path], dtype, path)
        if _worse(judged, forward):
            forward, why = judged, text
    gradient, gradient_why = _judge_stored_gradients(replay, recording, snapshot)
    compared = f"compared with the loss and {_count(len(stored), 'module')} as recorded"
    return Verdict(forward, gradient, "; ".join(filter(None, (why, gradient_why))) or compared)


def module_statistics(replay: "Replay", paths: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """The statistics of the first outputs of the modules in ``paths``, as far as the trace kept them all."""
    calls: dict[str, list[Any]] = {}
    for call in replay.graph.calls:
        if call.module in paths:
            calls.setdefault(call.module, []).append(call)
    found = {}
    for path, made in calls.items():
        if all(call.outputs for call in made):
            outputs = [replay.output(call) for call in made]
            found[path] = merge_statistics([statistics_of(t) for t in outputs], [t.numel() for t in outputs])
    return found


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have one dtype, one shape and the same bits, any NaN equal to any other."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.layout != torch.strided or b.layout != torch.strided:
        a, b = a.to_dense(), b.to_dense()
    if a.is_complex():
        a, b = torch.view_as_real(a.resolve_conj()), torch.view_as_real(b.resolve_conj())
    if not a.is_floating_point():
        return torch.equal(a, b.to(a.device))
    a, b = a.detach(), b.detach().to(a.device)
    if torch.equal(a, b):
        return torch.equal(torch.signbit(a), torch.signbit(b))  # −0 equals 0 and is another number to a divisor
    ours, theirs = torch.isnan(a), torch.isnan(b)
    return (
        torch.equal(ours, theirs) and same_bits(a.masked_fill(ours, 0), b.masked_fill(theirs, 0))
        if ours.any()
        else False
    )


def _loss_difference(ours: Tensor, theirs: Tensor) -> str:
    if same_bits(ours.reshape(theirs.shape) if ours.numel() == theirs.numel() else ours, theirs.detach()):
        return ""
    shown = [format(float(t.detach()), ".9g") if t.numel() == 1 else f"{tuple(t.shape)} tensor" for t in (ours, theirs)]
    return f"the loss differs: {shown[0]} in the replay, {shown[1]} in the training"


def _statistics_differences(replay: "Replay", statistics: Mapping[str, NDArray[np.float64]]) -> Iterator[str]:
    for path, ours in module_statistics(replay, statistics).items():
        theirs = np.asarray(statistics[path], np.float64)
        unequal = ~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))
        summed = np.abs(ours[_SUMMED] - theirs[_SUMMED]) > _SUM_ROUNDING * theirs[_EXTREME]
        unequal[_SUMMED] &= summed | np.isnan(ours[_SUMMED]) | np.isnan(theirs[_SUMMED])
        if unequal.any():
            i = int(unequal.argmax())
            where = f"module {path!r}" if path else "the outermost module"
            values = f"{ours[i]:.9g} in the replay, {theirs[i]:.9g} in the training"
            yield f"{where} differs: its {STATISTICS[i]} is {values}"


def _judge_gradients(replay: "Replay", gradients: Mapping[str, Tensor] | None) -> tuple[Match, str]:
    if gradients is None:
        return Match.NOT_MADE, ""
    try:
        replay.backward(steps=False)
    except ReplayError as error:
        return Match.DIFFERS, f"{error}: {_UNSEEN}"
    for name, theirs in gradients.items():
        ours = replay.gradients.get(name)
        if ours is None:
            return Match.DIFFERS, f"the replay makes no gradient for {name}: {_UNSEEN}"
        if not same_bits(ours, theirs):
            return Match.DIFFERS, f"the gradient of {name} differs"
    return Match.MATCHES, ""


def _judge_stored_gradients(replay: "Replay", recording: "Recording", snapshot: "SnapshotInfo") -> tuple[Match, str]:
    stored = {name: spec for name, spec in snapshot.tensors.items() if name.startswith("grad:")}
    if not stored:
        return Match.NOT_MADE, ""
    try:
        replay.backward(steps=False)
    except ReplayError as error:
        return Match.DIFFERS, str(error)
    recorded = {name.removeprefix("grad:"): from_stored(recording.tensor(spec)) for name, spec in stored.items()}
    floor = _CANCELLED * max(_largest(gradient) for gradient in recorded.values())
    worst, why = Match.MATCHES, ""
    for path, theirs in recorded.items():
        ours = replay.gradients.get(f"param:{path}")
        if ours is None:
            return Match.DIFFERS, f"the replay makes no gradient for {path}"
        judged, text = _compare(ours, theirs, stored[f"grad:{path}"].dtype, f"the gradient of {path}", floor)
        if _worse(judged, worst):
            worst, why = judged, text
    return worst, why


def _largest(t: Tensor) -> float:
    finite = t[torch.isfinite(t)]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _compare(ours: Tensor, theirs: Tensor, dtype: str, what: str, floor: float = 0.0) -> tuple[Match, str]:
    ours, theirs = ours.detach().cpu(), theirs.detach().cpu()
    if same_bits(ours, theirs):
        return Match.MATCHES, ""
    if ours.shape != theirs.shape:
        return Match.DIFFERS, f"{what} has shape {tuple(ours.shape)}, recorded was {tuple(theirs.shape)}"
    a, b = ours.double(), theirs.double()
    finite = torch.isfinite(b)
    if not torch.equal(torch.nan_to_num(a[~finite]), torch.nan_to_num(b[~finite])) or not torch.equal(
        torch.isnan(a), torch.isnan(b)
    ) or not torch.equal(torch.isfinite(a), finite):  # fmt: skip
        return Match.DIFFERS, f"{what} is non-finite at other elements than recorded"
    gap = float((a[finite] - b[finite]).abs().max()) if bool(finite.any()) else 0.0
    scale = max(_largest(b), floor)
    relative = gap / scale if scale else gap
    if relative > _RELATIVE.get(dtype, 1e-3):
        return Match.DIFFERS, f"{what} differs from the recorded by {relative:.2g} of its largest value"
    return Match.AGREES, f"{what} agrees within {relative:.1g} of its largest value"


def _compare_statistics(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], dtype: str, path: str
) -> tuple[Match, str]:
    if np.array_equal(ours, theirs, equal_nan=True):
        return Match.MATCHES, ""
    where = f"module {path!r}" if path else "the outermost module"
    if not np.array_equal(ours[6:], theirs[6:]):
        return Match.DIFFERS, f"{where} has another number of non-finite values than recorded"
    scale = max(float(np.nanmax(np.abs(theirs[:5]), initial=0.0)), float(np.finfo(np.float32).tiny))
    gap = float(np.nanmax(np.abs(ours[:5] - theirs[:5]), initial=0.0)) / scale
    if gap > _RELATIVE.get(dtype, 1e-3):
        return Match.DIFFERS, f"{where} differs from the recorded by {gap:.2g} of its largest value"
    return Match.AGREES, f"{where} agrees within {gap:.1g} of its largest value"


def _worse(a: Match, b: Match) -> bool:
    order = (Match.MATCHES, Match.AGREES, Match.DIFFERS)
    return order.index(a) > order.index(b)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
