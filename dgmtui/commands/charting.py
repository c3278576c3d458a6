"""Commands of the dynamics chart: what it shows, which part of the training, and which of its lines."""

from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np

from dgmtui.commands.chart_data import (
    MOST_LINES,
    OVERLAYS,
    SCALES,
    chart_block,
    chart_data,
    checked_limits,
    drawn_chart,
)
from dgmtui.commands.describe import picked_words, where_line
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.chart_settings import ChartSettings, Overlay, Scale, Scope
from dgmtui.session.picking import find, neighbour, pick_of, picked_line, place_of, take
from dgmtui.session.session import Session
from dgmtui.session.standing import standing_of
from dgmtui.session.zooming import Zoom, zoomed

Next = Literal["next"]
_Word = TypeVar("_Word")
Step = Literal["next", "previous", "none", "take"]
_ENDS = {"next": "this is the highest line at the cursor", "previous": "this is the lowest line at the cursor"}
_UNMOVED: dict[Zoom, str] = {
    "in": "there is nothing closer",
    "out": "this is all",
    "all": "this is all",
    "left": "this is where the recording begins",
    "right": "this is where the recording ends",
}


@command(
    "dynamics",
    group="analyse",
    keys=(
        ("k", "dynamics -k ", "lines"),
        ("s", "dynamics --scale next", "scale"),
        ("o", "dynamics --overlay next", "overlay"),
    ),
)
def dynamics(
    session: Session,
    *,
    k: int | None = None,
    window: tuple[int, int] | None = None,
    whole: bool = False,
    scale: Scale | Next | None = None,
    limits: tuple[float, float] | None = None,
    fit: bool = False,
    of: Scope | None = None,
    overlay: Overlay | Next | None = None,
) -> Result:
    """Chart how the units of the module behaved over the training: a sample of at most K series.

    Series that become non-finite and the unit that is looked at are always shown; where no series of the root are
    recorded, the chart is of what the first finding concerns. --window A B looks at iterations A up to B (negative:
    from the last), --whole at all again. --limits LOW HIGH makes these values the bottom and the top, and ▲ and ▼ mark
    where a line leaves them; --fit goes back to what all need. --of is whose series there are to choose from: the
    module's, those of all below it too, or the module's on all ranks. --overlay draws beneath the lines what all
    series do: their density, or the bands of the middle half and the middle nine tenths with the median. `next` as
    scale or overlay is the one after the present one. All of it stays until it is changed.

    JSON: {"command":"dynamics","module","quantity","measure","scale","limits","iterations","total","nonfinite",
    "clipped","advice","lines":[{"unit","module","rank","label","kind","clipped","first_nonfinite","values"}…]}; kind
    is cover, outlier, event or nonfinite, and selected for the unit that is looked at; limits is null where the chart
    fits what it draws, advice where there is none.
    """
    if k is not None and not 1 <= k <= MOST_LINES:
        raise UsageError(f"-k takes a number from 1 to {MOST_LINES:,}: more lines are one blot in a terminal")
    now = session.drawn
    new_scale = _after(SCALES, now.scale) if scale == "next" else scale or now.scale
    session.show_window(None if whole else window or now.window)
    try:
        session.drawn = replace(
            session.drawn,
            k=k or now.k,
            scale=new_scale,
            limits=_limits(now, new_scale, limits, fit),
            scope=of or now.scope,
            overlay=_after(OVERLAYS, now.overlay) if overlay == "next" else overlay or now.overlay,
        )
        chart = drawn_chart(session)
    except UsageError:
        session.drawn = now
        raise
    picked = place_of(chart, session.pick)
    return Result("dynamics", chart_data(chart), (chart_block(chart, session.iteration, picked),))


@command(
    "zoom",
    group="look",
    keys=(("z", "zoom in", "zoom"), ("Z", "zoom out", ""), ("<", "zoom left", ""), (">", "zoom right", "")),
)
def zoom(session: Session, how: Zoom = "in") -> Result:
    """Look closer at the dynamics around the cursor, from farther away, at all, or to the side.

    `in` shows a third of the iterations that are shown now, `out` three times as many; `left` and `right` go half a
    window back and on.

    JSON: {"command":"zoom","window","rows","note"}: the iterations from, up to and without, how many of them have a
    row, and a sentence where there was nothing to change.
    """
    rows = np.asarray(session.recording.rows)
    if not len(rows):
        raise UsageError("no iteration is recorded yet; there is nothing to look at")
    before = session.drawn.window
    window = zoomed(rows, before, session.iteration, how)
    session.drawn = replace(session.drawn, window=window)
    start, stop = window or (int(rows[0]), int(rows[-1]) + 1)
    held = int(np.diff(np.searchsorted(rows, (start, stop)))[0])
    note = _UNMOVED[how] if window == before else ""
    said = f"iterations {start:,} to {stop - 1:,} · {held:,} rows"
    data = {"window": [start, stop], "rows": held, "note": note or None}
    return Result("zoom", data, (Text(" · ".join(filter(None, (said, note)))),))


@command(
    "pick",
    group="look",
    keys=(("K", "pick next", "pick"), ("J", "pick previous", ""), ("enter", "pick take", "")),
)
def pick(session: Session, which: Step | int | str = "next") -> Result:
    """Point at a line of the dynamics chart: the next or previous in value at the cursor, or any.

    A line is called by its unit's number or its label. It is drawn thick and named with its value. `take` looks at its
    unit (and module, and rank), `none` points at nothing.

    JSON: {"command":"pick","picked":{"module","unit","rank","label","kind","iteration","value"},"note"}: what is
    pointed at, null where nothing is, its value at the last drawn iteration up to the cursor, and a sentence where
    there was no further line. `take` answers with the line that was taken.
    """
    chart = drawn_chart(session)
    at, note = place_of(chart, session.pick), ""
    if which in ("none", "take"):
        if which == "take" and at is None:
            raise UsageError("nothing is picked; `pick next` points at a line")
    elif which in _ENDS:
        found = neighbour(chart, at, session.iteration, 1 if which == "next" else -1)
        at, note = (at, _ENDS[str(which)]) if found is None else (found, "")
    else:
        at = find(chart, which)
    session.pick = None if at is None or which == "none" else pick_of(chart, chart.lines[at])
    line = picked_line(session, chart)
    if line is None or session.pick is None:
        return Result("pick", {"picked": None, "note": None}, (Text("nothing is picked"),), kept="pick none")
    data = {
        "module": session.pick.module,
        "unit": session.pick.unit,
        "rank": session.pick.rank,
        "label": line.name,
        "kind": line.kind,
        "iteration": line.iteration,
        "value": line.value,
    }
    said = " · ".join(filter(None, (picked_words(line), note)))
    if which == "take":
        take(session, session.pick)
        said = where_line(session)
    here = standing_of(session).line  # other lines may be drawn where it is run again
    return Result("pick", {"picked": data, "note": note or None}, (Text(said),), kept=here)


def _after(all_: tuple[_Word, ...], present: _Word) -> _Word:
    return all_[(all_.index(present) + 1) % len(all_)]


def _limits(
    now: ChartSettings, scale: Scale, limits: tuple[float, float] | None, fit: bool
) -> tuple[float, float] | None:
    """Limits that were given; else those that are there, unless the scale has no place for them."""
    if limits is not None:
        return checked_limits(limits, scale)
    impossible = scale == "log" and now.limits is not None and now.limits[0] <= 0
    return None if fit or impossible else now.limits
