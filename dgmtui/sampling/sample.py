"""The sample of a chart: sketch, scale, three lanes, interleaved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.sampling.cover import Cover
from dgmtui.sampling.distance import Space
from dgmtui.sampling.events import events
from dgmtui.sampling.motion import motion
from dgmtui.sampling.outliers import isolated
from dgmtui.sampling.population import Part, SeriesLike, of_rows
from dgmtui.sampling.scale import HEIGHT, Scale, check_scale, fit_scale, to_dots
from dgmtui.sampling.sketch import Columns, Tell, sketch
from dgmtui.sampling.threads import take_one_thread

Lane = Literal["cover", "outlier", "event"]
SPECIAL_EVERY = 4
"""One slot in so many is for lanes B and C."""
MIDDLE = (1, 99)
"""Percentiles between which most values lie."""
MIDDLE_VALUES = 1 << 16


@dataclass(frozen=True)
class Sample:
    """The series to draw, and those to draw in any case."""

    indices: NDArray[np.int64]
    """``[n]``, n ≤ k: series of the population in progressive order; every prefix is a sample."""
    lanes: tuple[Lane, ...]
    """Why each was picked: it covers its like, it is an outlier, or it has an event."""
    radii: NDArray[np.float64]
    """``[n]`` dots: cover picks up to here are at least so far apart; NaN for other lanes and for look-alikes."""
    nonfinite: tuple[tuple[int, int], ...]
    """Index and first bad iteration (of a plain table: row, counted from its start, not the window's), by index."""
    beyond: int
    """How many of all series leave the chart: go beyond its limits, on a log scale also to zero or below."""
    total: int
    """N, all series."""
    scale: Scale | None
    """How values map to dots; None where no series is finite."""
    crowded: float = 1.0
    """The share of the chart's height in which the middle 98 % of all column ends lie."""


def sample(
    series: SeriesLike | Sequence[Part],
    k: int,
    *,
    window: tuple[int, int] | None = None,
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
    seed: int = 0,
    offered: Sequence[int] = (),
    tell: Tell | None = None,
) -> Sample:
    """Pick up to ``k`` of the finite series ``[T, N]`` that show what all of them do; the same for the same seed.

    Formulation after Sun et al. 2013 (blue-noise line segments) and Liu et al. 2018 (DGMTracker). A quarter of
    ``k`` goes to outliers and events, as far as there are any. Lane A's order does not depend on ``k``, so without
    the other lanes the sample for a smaller ``k`` is a prefix of that for a greater one, exactly; with them the
    order as a whole is not, since they are chosen given the cover, and cover picks they took are left out of it.
    Fewer than ``k`` come where all others look like picked ones (within a tenth of a dot); if N ≤ k, all finite ones.

    Args:
        series: float or integer, NumPy or HDF5, or several such tables; read once in storage order, a little at a time.
        window: iterations (of a plain table: rows) ``[start, stop)``; all where None.
        scale: ``linear``, ``log`` or ``symlog``.
        limits: the values at the chart's bottom and top; None: those of the series.
        offered: series to take before others that would do as well.
        tell: told the share done; what it raises stops the work.

    Raises:
        UsageError: k below 1, no such scale, limits that don't go upwards, a window that is empty or outside, or
            ``series`` not a table of numbers.
    """
    check_scale(scale, limits)
    parts = _parts(series)
    start, stop = _window(parts, k, window)
    made = sketch(parts, start, stop, tell)
    return pick(made, k, scale=scale, limits=limits, seed=seed, offered=offered, overwrite=True)


def pick(
    made: Columns,
    k: int,
    *,
    scale: str = "linear",
    limits: tuple[float, float] | None = None,
    seed: int = 0,
    offered: Sequence[int] = (),
    overwrite: bool = False,
) -> Sample:
    """As ``sample``, from columns that are there already.

    Args:
        overwrite: their memory may be used and is spoilt then.
    """
    check_scale(scale, limits)
    total = len(made.usable)
    fitted = scale_for(made, scale, limits)
    if fitted is None:
        return Sample(np.empty(0, np.int64), (), np.empty(0), made.nonfinite, 0, total, None)
    beyond = int((made.usable & fitted.leave(made.lowest, made.highest)).sum())
    take_one_thread()
    space = Space(to_dots(made.extremes, fitted, made.usable, overwrite=overwrite), made.usable)
    picks, lanes, radii = _pick(space, k, np.random.SeedSequence(seed), offered)
    return Sample(
        indices=picks,
        lanes=lanes,
        radii=radii,
        nonfinite=made.nonfinite,
        beyond=beyond,
        total=total,
        scale=fitted,
        crowded=_crowded(space),
    )


def scale_for(made: Columns, scale: str = "linear", limits: tuple[float, float] | None = None) -> Scale | None:
    """How ``pick`` maps their values to dots; None where no series is finite."""
    lowest, highest = made.lowest[made.usable], made.highest[made.usable]
    if not len(lowest):
        return None
    return fit_scale(scale, made.extremes, (float(lowest.min()), float(highest.max())), limits)


def _parts(series: SeriesLike | Sequence[Part]) -> Sequence[Part]:
    if isinstance(series, Sequence):
        parts: Sequence[Part] = series
    else:
        parts = [of_rows(series)] if len(series.shape) == 2 else []
    if not parts or any(len(p.series.shape) != 2 or np.dtype(p.series.dtype).kind not in "fiub" for p in parts):
        raise UsageError("Only a table [steps, series] of real numbers can be sampled; give one of two dimensions.")
    return parts


def _window(parts: Sequence[Part], k: int, window: tuple[int, int] | None) -> tuple[int, int]:
    if k < 1:
        raise UsageError(f"A sample of {k} series shows nothing; ask for 1 or more.")
    seen = [part.iterations for part in parts if len(part.iterations)]
    first = min((int(each[0]) for each in seen), default=0)
    last = max((int(each[-1]) + 1 for each in seen), default=0)
    if window is None:
        return first, last
    start, stop = window
    if not first <= start < stop <= last:
        raise UsageError(f"The window {start} to {stop} is empty or outside the recorded {first} to {last}.")
    return start, stop


def _crowded(space: Space) -> float:
    """The middles' share of the chart."""
    few = space.indices[:: max(1, space.count * 2 * space.columns // MIDDLE_VALUES) | 1]
    low, high = np.percentile(space.features[:, few] + space.centre, MIDDLE)
    return float(high - low) / HEIGHT


def _pick(
    space: Space, k: int, seeds: np.random.SeedSequence, offered: Sequence[int]
) -> tuple[NDArray[np.int64], tuple[Lane, ...], NDArray[np.float64]]:
    """Series, lanes and radii in the interleaved order."""
    for_cover, for_outliers, for_events = (np.random.default_rng(s) for s in seeds.spawn(3))
    cover = Cover(space, for_cover, offered)
    wanted = k // SPECIAL_EVERY if space.count > k else 0
    cover.extend(k - wanted)
    special = _special(space, cover, wanted, (for_outliers, for_events), offered) if wanted else []
    taken = {index for index, _ in special}
    # The cover may run into special picks; those already shown need no second slot.
    goal = k - len(special)
    while True:
        before = len(cover.order)
        covered = [(i, r) for i, r in zip(cover.order, cover.radii, strict=True) if i not in taken]
        if len(covered) >= goal:
            break
        cover.extend(before + goal - len(covered))
        if len(cover.order) == before:
            break
    if space.count <= k:
        alike = np.setdiff1d(space.indices, [i for i, _ in covered])
        covered += [(int(i), np.nan) for i in alike]
    return _interleave(covered[:goal], special)


def _special(
    space: Space,
    cover: Cover,
    wanted: int,
    rngs: tuple[np.random.Generator, np.random.Generator],
    offered: Sequence[int],
) -> list[tuple[int, Lane]]:
    """Events and outliers by turns."""
    picks = np.array(cover.order, np.int64)
    moving = motion(space, rngs[1])
    happened = events(space, moving, picks, wanted // 2, offered)
    shown = np.concatenate([picks, np.array(happened, np.int64)])
    lonely = isolated(space, moving, cover.gaps(), shown, wanted - len(happened), rngs[0], offered)
    out: list[tuple[int, Lane]] = []
    for i in range(max(len(happened), len(lonely))):
        out += [(index, "outlier") for index in lonely[i : i + 1]]
        out += [(index, "event") for index in happened[i : i + 1]]
    return out


def _interleave(
    covered: list[tuple[int, float]], special: list[tuple[int, Lane]]
) -> tuple[NDArray[np.int64], tuple[Lane, ...], NDArray[np.float64]]:
    rows: list[tuple[int, Lane, float]] = []
    covers, others = iter(covered), iter(special)
    for slot in range(len(covered) + len(special)):
        turn = next(others, None) if slot % SPECIAL_EVERY == SPECIAL_EVERY - 1 else None
        if turn is None:
            pick = next(covers, None)
            turn_pick = (pick[0], "cover", pick[1]) if pick else (*next(others), np.nan)
            rows.append(turn_pick)  # type: ignore[arg-type]
        else:
            rows.append((*turn, np.nan))
    return np.array([r[0] for r in rows], np.int64), tuple(r[1] for r in rows), np.array([r[2] for r in rows])
