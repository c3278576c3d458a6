"""The sample of a chart: sketch, scale, three lanes, interleaved."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.sampling.cover import Cover
from dgmtui.sampling.distance import Space
from dgmtui.sampling.events import events
from dgmtui.sampling.outliers import isolated
from dgmtui.sampling.scale import Scale, check_scale, fit_scale, to_dots
from dgmtui.sampling.sketch import SeriesLike, first_nonfinite, sketch

Lane = Literal["cover", "outlier", "event"]
SPECIAL_EVERY = 4
"""One slot in so many is for lanes B and C."""


@dataclass(frozen=True)
class Sample:
    """The series to draw, and those to draw in any case."""

    indices: NDArray[np.int64]
    """``[n]``, n ≤ k: columns of the series in progressive order; every prefix is a sample."""
    lanes: tuple[Lane, ...]
    """Why each was picked: it covers its like, it is an outlier, or it has an event."""
    radii: NDArray[np.float64]
    """``[n]`` dots: cover picks up to here are at least so far apart; NaN for other lanes and for look-alikes."""
    nonfinite: tuple[tuple[int, int], ...]
    """Index and first bad row, counted from the start of the series (not of the window), by index."""
    clipped: tuple[int, ...]
    """Those of ``indices`` that leave the chart: on a log scale, series with values of zero or below."""
    total: int
    """N, all series."""
    scale: Scale | None
    """How values map to dots; None where no series is finite."""


def sample(
    series: SeriesLike, k: int, *, window: tuple[int, int] | None = None, scale: str = "linear", seed: int = 0
) -> Sample:
    """Pick up to ``k`` of the finite series ``[T, N]`` that show what all of them do; the same for the same seed.

    Formulation after Sun et al. 2013 (blue-noise line segments) and Liu et al. 2018 (DGMTracker). A quarter of
    ``k`` goes to outliers and events, as far as there are any. Lane A's order does not depend on ``k``, so without
    the other lanes the sample for a smaller ``k`` is a prefix of that for a greater one, exactly; with them the
    order as a whole is not, since they are chosen given the cover, and cover picks they took are left out of it.
    Fewer than ``k`` come where all others look like picked ones (within a tenth of a dot); if N ≤ k, all finite ones.

    Args:
        series: float or integer, NumPy or HDF5; read once in storage order, a few MB at a time.
        window: rows ``[start, stop)``; all where None.
        scale: ``linear``, ``log`` or ``symlog``.

    Raises:
        UsageError: k below 1, no such scale, a window that is empty or outside, or ``series`` not a table of numbers.
    """
    start, stop = _check(series, k, window)
    check_scale(scale)
    total = int(series.shape[1])
    if total == 0 or stop == start:
        return _nothing(total)
    made = sketch(series, start, stop)
    nonfinite = first_nonfinite(series, made)
    bad = [index for index, _ in nonfinite]
    finite = np.delete(np.arange(total), bad)
    if not len(finite):
        return _nothing(total, nonfinite)
    extremes = np.delete(made.extremes, bad, axis=1) if bad else made.extremes
    del made
    fitted = fit_scale(scale, extremes)
    hidden = extremes.min(axis=0) <= 0 if scale == "log" else np.zeros(len(finite), bool)
    space = Space(to_dots(extremes, fitted))
    picks, lanes, radii = _pick(space, k, np.random.SeedSequence(seed))
    return Sample(
        indices=finite[picks],
        lanes=lanes,
        radii=radii,
        nonfinite=tuple(nonfinite),
        clipped=tuple(int(finite[i]) for i in picks if hidden[i]),
        total=total,
        scale=fitted,
    )


def _check(series: SeriesLike, k: int, window: tuple[int, int] | None) -> tuple[int, int]:
    if len(series.shape) != 2 or np.dtype(series.dtype).kind not in "fiub":
        raise UsageError("Only a table [steps, series] of real numbers can be sampled; give one of two dimensions.")
    if k < 1:
        raise UsageError(f"A sample of {k} series shows nothing; ask for 1 or more.")
    rows = int(series.shape[0])
    start, stop = window or (0, rows)
    if window is not None and not 0 <= start < stop <= rows:
        raise UsageError(
            f"The window {start} to {stop} is empty or outside the {rows} recorded rows; choose one inside."
        )
    return start, stop


def _nothing(total: int, nonfinite: list[tuple[int, int]] | None = None) -> Sample:
    return Sample(np.empty(0, np.int64), (), np.empty(0), tuple(nonfinite or ()), (), total, None)


def _pick(
    space: Space, k: int, seeds: np.random.SeedSequence
) -> tuple[NDArray[np.int64], tuple[Lane, ...], NDArray[np.float64]]:
    """Positions, lanes and radii in the interleaved order."""
    for_cover, for_outliers, for_events = (np.random.default_rng(s) for s in seeds.spawn(3))
    cover = Cover(space, for_cover)
    special: list[tuple[int, Lane]] = []
    wanted = k // SPECIAL_EVERY if space.count > k else 0
    cover.extend(k - wanted)
    if wanted:
        special = _special(space, cover, wanted, for_outliers, for_events)
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
        alike = np.setdiff1d(np.arange(space.count), [i for i, _ in covered])
        covered += [(int(i), np.nan) for i in alike]
    return _interleave(covered[:goal], special)


def _special(
    space: Space, cover: Cover, wanted: int, for_outliers: np.random.Generator, for_events: np.random.Generator
) -> list[tuple[int, Lane]]:
    """Events and outliers by turns."""
    picks = np.array(cover.order, np.int64)
    happened = events(space.features, space.centre, picks, wanted // 2, for_events)
    shown = np.concatenate([picks, np.array(happened, np.int64)])
    lonely = isolated(space.features, shown, cover.nearest_pick(), wanted - len(happened), for_outliers)
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
