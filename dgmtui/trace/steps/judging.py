"""Is a step that was taken again the one that the training made?"""

import math
import zlib
from collections.abc import Iterable

from torch import Tensor

from dgmtui.recording.model import Match, StepOutcome, Verdict
from dgmtui.trace.steps.taking import Taken
from dgmtui.trace.tensors import to_stored

_RELATIVE = 1e-3
"""Norms of updates that are nearer than this are one, as gradients computed elsewhere differ by rounding."""


def judge(taken: Taken) -> Verdict:
    """Compare a step, taken of the iteration as recorded, with what is recorded of it.

    ``forward`` of the verdict is left open: it is of the step alone.
    """
    match, detail = _judged(taken)
    return Verdict(Match.NOT_MADE, match, detail)


def _judged(taken: Taken) -> tuple[Match, str]:
    told = taken.told
    if told.outcome is StepOutcome.SKIPPED:
        same = "and is so here" if taken.skipped else "but would not be here, where all gradients are finite"
        return (Match.MATCHES if taken.skipped else Match.DIFFERS), f"the gradient scaler skipped this step, {same}"
    if told.outcome is StepOutcome.NOT_MADE:
        return Match.NOT_MADE, "the training had not made this step when it was recorded"
    if not told.updates:
        return Match.NOT_MADE, "nothing is recorded of what the training's step changed"
    ours = {path: _norm(after, taken.before[path]) for path, after in taken.after.items()}
    if set(told.updates) - set(ours):
        missing = sorted(set(told.updates) - set(ours))[0]
        return Match.DIFFERS, f"the training moved {missing} too, of which the replay has no gradient"
    compared = {path: ours[path] for path in told.updates}
    total, recorded = _together(compared.values()), _together(told.updates.values())
    if all(zlib.crc32(to_stored(taken.after[path]).data.tobytes()) == told.checksums.get(path) for path in compared):
        return Match.MATCHES, f"bit for bit equal: {len(compared)} parameters, moved by {total:.6g} in all"
    for path, norm in compared.items():
        if not _near(norm, told.updates[path]):
            return Match.DIFFERS, (
                f"the update of {path} has the norm {norm:.6g} here and {told.updates[path]:.6g} in the training"
                + (f": {taken.note}" if taken.note else "")
            )
    return Match.AGREES, f"the update has the norm {total:.6g} here and {recorded:.6g} in the training"


def _norm(after: Tensor, before: Tensor) -> float:
    return float((after - before).abs().double().norm())


def _together(norms: Iterable[float]) -> float:
    return math.sqrt(sum(norm * norm for norm in norms))


def _near(ours: float, theirs: float) -> bool:
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return math.isfinite(ours) == math.isfinite(theirs)
    return abs(ours - theirs) <= _RELATIVE * max(abs(ours), abs(theirs))
