"""The loss: how it is drawn, and what was logged that stands beside it."""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from dgmtui.commands.registry import command
from dgmtui.commands.reporting import loss_chart
from dgmtui.commands.result import Result, Text
from dgmtui.commands.scalars import ScalarName
from dgmtui.errors import UsageError
from dgmtui.render.numbers import human
from dgmtui.session.chart_settings import LossScale, LossSettings
from dgmtui.session.losses import beside_loss, loss_scale
from dgmtui.session.session import Session

MOST_BESIDE = 3
LOSS_SCALES: tuple[LossScale, ...] = get_args(LossScale)
"""In the order that ``next`` goes through them."""


@command("loss", group="look", keys=(("|", "loss --scale next", ""),))
def loss(
    session: Session, *beside: ScalarName, scale: LossScale | Literal["next"] | None = None, alone: bool = False
) -> Result:
    """Chart the loss, and on the screen scalars that were logged beside it, each over its own range.

    `auto` is logarithmic where a few losses would flatten all others, else linear; `next` is the one after the present
    one. Names of scalars are drawn with the loss until others are named, or --alone.

    JSON: {"command":"loss","scale","iteration","value","beside":[{"name","value"}…]}: the loss and the scalars at the
    cursor; a scalar keeps its number until it is logged again, and is null before it ever was.
    """
    if unknown := [name for name in beside if name not in session.recording.scalars]:
        known = ", ".join(session.recording.scalars) or "none"
        raise UsageError(f"no scalar {unknown[0]!r} was logged; there are: {known}")
    if len(beside) > MOST_BESIDE:
        raise UsageError(f"at most {MOST_BESIDE} scalars have room beside the loss, not {len(beside)}")
    now = session.loss_drawn
    wanted = LOSS_SCALES[(LOSS_SCALES.index(now.scale) + 1) % len(LOSS_SCALES)] if scale == "next" else scale
    session.loss_drawn = LossSettings(wanted or now.scale, () if alone else beside or now.beside)
    return _loss(session)


def _loss(session: Session) -> Result:
    drawn, losses = session.loss_drawn, session.landmarks.losses
    at = session.iteration
    here = {name: session.landmarks.scalar(name) for name in beside_loss(session)}
    read = {name: float(values[at]) if at < len(values) and not np.isnan(values[at]) else None
            for name, values in here.items()}  # fmt: skip
    value = float(losses[at]) if at < len(losses) else None
    data = {
        "scale": drawn.scale,
        "iteration": at,
        "value": value,
        "beside": [{"name": name, "value": number} for name, number in read.items()],
    }
    scale = loss_scale(losses) if drawn.scale == "auto" else drawn.scale
    chart = replace(loss_chart(session), scale=scale, cursor=at)
    parts = (f"loss {human(value)} at {at:,}", f"{drawn.scale} scale" + ("" if scale == drawn.scale else f": {scale}"))
    said = " · ".join((*parts, *(f"{name} {human(number)}" for name, number in read.items())))
    return Result("loss", data, (Text(said), chart), said=Text(said))
