"""From what was picked and read to the chart as the screen draws it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling import Part, Sample, Scale, fit_scale, place
from dgmtui.session.asked import Asked
from dgmtui.session.lines import Place
from dgmtui.session.population import label_of
from dgmtui.session.view import Backdrop, DynamicsLine, DynamicsView

MOST_NONFINITE = 100
"""Of the series that are not finite all are counted, and so many (or ``k``, if more) are drawn: the first to go."""
CROWDED = 0.2
"""Where most values lie in a smaller share of the height, another scale shows more."""


@dataclass(frozen=True)
class Chosen:
    """The series to draw."""

    kinds: dict[Place, str]
    """Why each is drawn: those that are not finite, then picks in their order, then the one that is looked at."""
    first_bad: dict[Place, int]
    """The iteration of the first non-finite value of those that have one."""


def chosen_of(asked: Asked, sample: Sample, parts: Sequence[Part]) -> Chosen:
    """What is drawn of a sample."""
    bad = sorted(sample.nonfinite, key=lambda found: (found[1], found[0]))
    first_bad = {place(parts, i): iteration for i, iteration in bad[: max(asked.settings.k, MOST_NONFINITE)]}
    kinds: dict[Place, str] = dict.fromkeys(first_bad, "nonfinite")
    for index, lane in zip(sample.indices.tolist(), sample.lanes, strict=True):
        kinds.setdefault(place(parts, index), lane)
    if asked.selected is not None:
        kinds[asked.selected] = "selected"
        index = sum(part.units for part in parts[: asked.selected[0]]) + asked.selected[1]
        at = bisect_left(sample.nonfinite, (index, -1))
        if at < len(sample.nonfinite) and sample.nonfinite[at][0] == index:
            first_bad[asked.selected] = sample.nonfinite[at][1]
    return Chosen(kinds, first_bad)


def compose(
    asked: Asked,
    sample: Sample,
    chosen: Chosen,
    iterations: NDArray[np.int64],
    lines: Sequence[NDArray[np.float32]],
    backdrop: Backdrop | None,
) -> DynamicsView:
    """The chart of a sample; ``lines`` are in the order of ``chosen.kinds``."""
    scale = sample.scale or scale_of(asked, lines)
    drawn = tuple(
        _line(asked, at, kind, values, chosen.first_bad.get(at), scale)
        for (at, kind), values in zip(chosen.kinds.items(), lines, strict=True)
    )
    return with_scale(
        DynamicsView(
            module=asked.population.module,
            quantity=asked.population.quantity,
            measure=asked.population.measure,
            iterations=iterations,
            lines=drawn,
            total=sample.total,
            nonfinite=len(sample.nonfinite),
            clipped=sample.beyond,
            scale=asked.settings.scale,
            backdrop=backdrop,
            advice=_advice(asked, sample),
        ),
        scale,
    )


def with_scale(view: DynamicsView, scale: Scale | None) -> DynamicsView:
    """The chart with the axis of ``scale``; what its lines need where that has no height."""
    if scale is None:
        return view
    return replace(view, limits=(scale.low, scale.high) if scale.high > scale.low else None, bend=scale.threshold)


def blank(asked: Asked, advice: str = "", *, preliminary: bool = False) -> DynamicsView:
    """A chart without lines, and why."""
    return DynamicsView(
        module=asked.population.module,
        quantity=asked.population.quantity,
        measure=asked.population.measure,
        iterations=np.empty(0, np.int64),
        lines=(),
        total=asked.population.units,
        nonfinite=0,
        clipped=0,
        scale=asked.settings.scale,
        limits=asked.settings.limits,
        preliminary=preliminary,
        advice=advice,
    )


def scale_of(asked: Asked, lines: Sequence[NDArray[np.float32]]) -> Scale | None:
    """The scale that shows the finite values of ``lines``; None where there are none."""
    values = np.concatenate([np.empty(0, np.float32), *(line[np.isfinite(line)] for line in lines)])
    return fit_scale(asked.settings.scale, values, None, asked.settings.limits) if len(values) else None


def _line(
    asked: Asked, at: Place, kind: str, values: NDArray[np.float32], first_bad: int | None, scale: Scale | None
) -> DynamicsLine:
    member = asked.population.members[at[0]]
    finite = values[np.isfinite(values)]
    clipped = bool(len(finite)) and scale is not None and bool(scale.leave(finite.min(), finite.max()))
    label = label_of(asked.population, *at)
    return DynamicsLine(at[1], kind, values, first_bad, label, member.module, member.rank, clipped)


def _advice(asked: Asked, sample: Sample) -> str:
    if asked.settings.scale != "linear" or sample.scale is None or not 0 < sample.crowded < CROWDED:
        return ""
    share = f"{sample.crowded:.0%}" if sample.crowded >= 0.01 else "less than 1%"
    return f"98% of the values take {share} of the height; `dynamics --scale symlog`"
