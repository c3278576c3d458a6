"""Commands that show pictures: feature maps, inputs, relevance, and the samples that activate units most."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.commands.unit_blocks import line_of_unit, path_of, shown, without_empty
from dgmtui.errors import UsageError
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.activations import dataset_rows, labels_of
from dgmtui.session.maps import (
    input_named,
    inputs_as_pictures,
    maps_of,
    relevance_pictures,
    sample_names,
    units_as_picture,
)
from dgmtui.session.pictures import shape_given
from dgmtui.session.rankings import ranked_samples
from dgmtui.session.session import Session
from dgmtui.session.view import Picture, UnitsTab

_PICTURED = 8
"""So many of the samples that are listed are shown as pictures."""


@command("maps", group="analyse", keys=(("m", "maps", "maps"),), needs_replay=True)
def maps(
    session: Session,
    what: ModulePath = "",
    *,
    relevance: bool = False,
    units: str = "",
    sample: int | None = None,
    shape: str = "",
    shared: bool = False,
    top: int = 12,
) -> Result:
    """Show feature maps, an input (`maps input`) or the relevance of its pixels as pictures.

    Of a layer whose units are single numbers, as many as a square has, all units are one picture. --units 3,5,7: these
    maps, else the --top (0: all) of greatest peak; --sample: of the batch, else the selected one, else 0; --shared: one
    scale for all, else each has its own, stated above it. A flat input of as many numbers as a square has is drawn as
    that square; --shape HxW says otherwise. --relevance [TARGET]: the input, and beside it how much each pixel put into
    the target (as `credit` does), red for it and blue against; without a sample, those of most relevance.

    JSON: {"command":"maps","iteration","module","sample","target","maps":[{"label","unit","sample","low","high",
    "shape","values"}…]}: "values" by rows; "module" is the input's name where one is shown; "target" is null unless
    relevance is asked for, and then every second map is relevance.
    """
    snapshot = session.needed_snapshot()
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    if relevance:
        return _relevance(session, snapshot, what, sample, shape)
    if what == "input" or what.startswith("input:"):
        return _inputs(session, snapshot, what.removeprefix("input").removeprefix(":"), sample, shape, shared, top)
    module = _module(session, what)
    found = session.results.units.activations(snapshot, module)
    chosen = _sample(session, sample, found.values.shape[0])
    given = shape_given(shape)
    name = found.name
    whole = None if units else units_as_picture(found, chosen, given)
    if whole is not None:
        title = f"{name}: its {found.values.shape[1]} units for sample {chosen} as {_size(whole)}"
        return _answer(session, snapshot, module, chosen, [None], (whole,), title, "--shape HxW draws them otherwise")
    if not found.positions:
        raise UsageError(
            f"{name} has no feature maps: each of its {found.values.shape[1]} units is one number, and they are no "
            "square; --shape HxW draws them as one picture"
        )
    numbers, pictures = maps_of(found, chosen, _numbers(units), top, shared, given)
    total = found.values.shape[1]
    title = f"{name}: {len(numbers)} of {total} feature maps, {_size(pictures[0])}, sample {chosen}"
    note = "the greatest peak first" if not units and len(numbers) > 1 else ""
    return _answer(session, snapshot, module, chosen, list(numbers), pictures, title, note, shared)


@command("samples", group="analyse", keys=(("p", "samples", "samples"),), needs_replay=True)
def samples(session: Session, target: ModulePath = "", *, top: int = 10, shape: str = "") -> Result:
    """List the samples of the batch that activate a unit, a group or a cluster most.

    A target is MODULE, MODULE[UNIT], MODULE[3,17,40-48] or cluster:N, and MODULE:0 the first of several calls; without
    one it is what is selected. A sample's value is the greatest activation over the positions, averaged over the units;
    those with a NaN come first. --top 0: all.

    JSON: {"command":"samples","iteration","module","units","cluster","samples":[{"sample","value","unit","position",
    "label","dataset_index"}…]}: "unit" is the most active of these, "position" where it is so (null where it is one
    number), "label" and "dataset_index" null where they are not known, "cluster" null unless one was named.
    """
    snapshot = session.needed_snapshot()
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    units = session.results.units
    unit = "" if session.unit is None else f"[{session.unit}]"
    group = units.group(snapshot, target or f"{session.module or '.'}{unit}")
    ranked = ranked_samples(units.activations(snapshot, group.module), group.units)
    rows = _sample_rows(session, snapshot, ranked[:top] if top else ranked)
    cells: list[tuple[object, ...]] = [
        (r["sample"], r["value"], r["unit"], None if r["position"] is None else ",".join(map(str, r["position"])),
         r["label"], r["dataset_index"])
        for r in rows
    ]  # fmt: skip
    one = len(group.units) == 1
    columns, cells = without_empty(("sample", "value", "unit", "at", "class", "row of data"), cells)
    of = f"{len(rows)} of {len(ranked)}" if len(rows) < len(ranked) else str(len(ranked))
    tab = UnitsTab(
        title=f"{group.text}: {of} samples, the most activating first",
        columns=columns,
        rows=tuple(cells),
        row_lines=tuple(f"sample {r['sample']}" for r in rows),
        pictures=_pictures_of(session, snapshot, [r["sample"] for r in rows[:_PICTURED]], shape),
        picture_lines=tuple(f"sample {r['sample']}" for r in rows[:_PICTURED]),
        note="" if one else f"the mean over {len(group.units):,} units of each one's greatest activation",
        at=snapshot.iteration,
    )
    data = {
        "iteration": snapshot.iteration, "module": group.module, "units": list(group.units), "cluster": group.cluster,
        "samples": rows,
    }  # fmt: skip
    return Result("samples", data, shown(session, snapshot, "samples", tab))


def _sample_rows(session: Session, snapshot: SnapshotInfo, ranked: list[Any]) -> list[dict[str, Any]]:
    made = session.results.units.replayed(snapshot)
    labels, rows = labels_of(made), dataset_rows(made)
    return [
        {
            "sample": r.sample,
            "value": r.value,
            "unit": r.unit,
            "position": list(r.place) or None,
            "label": int(labels[r.sample]) if labels is not None and r.sample < len(labels) else None,
            "dataset_index": rows[r.sample] if rows is not None and r.sample < len(rows) else None,
        }
        for r in ranked
    ]


def _pictures_of(session: Session, snapshot: SnapshotInfo, listed: list[int], shape: str) -> tuple[Picture, ...]:
    """The input of these samples, where it is a picture."""
    units = session.results.units
    given = shape_given(shape)
    try:
        _, values = input_named(units, snapshot, "")
    except UsageError:
        return ()
    if any(sample >= len(values) for sample in listed):
        return ()
    return inputs_as_pictures(values, listed, sample_names(units, snapshot, listed), False, given)


def _inputs(
    session: Session, snapshot: SnapshotInfo, name: str, sample: int | None, shape: str, shared: bool, top: int
) -> Result:
    units = session.results.units
    found, values = input_named(units, snapshot, name)
    chosen = [_sample(session, sample, len(values))] if sample is not None else list(range(len(values)))[: top or None]
    pictures = inputs_as_pictures(values, chosen, sample_names(units, snapshot, chosen), shared, shape_given(shape))
    if not pictures:
        raise UsageError(f"{found} is {list(values.shape)}, and no sample of it is a picture; --shape HxW makes it one")
    flat = "; a flat input is drawn as a square, --shape HxW otherwise" if values.ndim == 2 and not shape else ""
    title = f"{found}: {len(chosen)} of {len(values)} samples as {_size(pictures[0])}{flat}"
    return _answer(session, snapshot, found, None, [None] * len(chosen), pictures, title, "", shared, chosen)


def _relevance(session: Session, snapshot: SnapshotInfo, text: str, sample: int | None, shape: str) -> Result:
    units = session.results.units
    target, found = units.relevance(snapshot, text or session.target)
    name, values = input_named(units, snapshot, "")
    relevance = found.get(name)
    if relevance is None or relevance.shape != values.shape:
        raise UsageError(f"{target.text}: nothing of {name} has a part in it, so there is no relevance to show")
    wanted = sample if sample is not None else target.sample
    chosen = [_sample(session, wanted, len(values))] if wanted is not None else _most_relevant(relevance)
    pictures = relevance_pictures(relevance, values, chosen, shape_given(shape))
    if not pictures:
        raise UsageError(f"{name} is {list(values.shape)}, and no sample of it is a picture; --shape HxW makes it one")
    title = f"relevance of {name} for {target.text}"
    note = f"{len(chosen)} of {len(values)} samples, those of most relevance" if wanted is None else ""
    twice = [each for each in chosen for _ in range(2)]
    answer = _answer(session, snapshot, name, wanted, [None] * len(twice), pictures, title, note, False, twice)
    return Result("maps", {**answer.data, "target": target.text}, answer.blocks)


def _most_relevant(relevance: NDArray[np.float32]) -> list[int]:
    sizes = np.abs(np.nan_to_num(relevance)).reshape(len(relevance), -1).sum(axis=1)
    order: list[int] = np.argsort(-sizes, kind="stable")[:4].tolist()
    return order


def _answer(
    session: Session,
    snapshot: SnapshotInfo,
    module: str,
    sample: int | None,
    units: list[int | None],
    pictures: tuple[Picture, ...],
    title: str,
    note: str = "",
    shared: bool = False,
    samples: list[int] | None = None,
) -> Result:
    of: list[int | None] = [*samples] if samples else [sample] * len(pictures)
    data = {
        "iteration": snapshot.iteration,
        "module": module,
        "sample": sample,
        "target": None,
        "maps": [
            {
                "label": p.label, "unit": unit, "sample": s, "low": p.low, "high": p.high,
                "shape": list(p.values.shape), "values": p.values,
            }
            for p, unit, s in zip(pictures, units, of, strict=True)
        ],
    }  # fmt: skip
    lines = tuple(
        line_of_unit(module, unit) if unit is not None else "" if of_sample is None else f"sample {of_sample}"
        for unit, of_sample in zip(units, of, strict=True)
    )
    tab = UnitsTab(title, pictures=pictures, picture_lines=lines, shared=shared, note=note, at=snapshot.iteration)
    return Result("maps", data, shown(session, snapshot, "maps", tab))


def _module(session: Session, what: str) -> str:
    """The module that is meant; of the root, where nothing is selected, its first with feature maps."""
    if what or session.module:
        return path_of(session, what)
    return next((m.path for m in session.recording.modules if len(m.output_shape or ()) == 4), "")


def _sample(session: Session, wanted: int | None, count: int) -> int:
    chosen = wanted if wanted is not None else session.sample or 0
    if not 0 <= chosen < count:
        raise UsageError(f"the batch has samples 0 to {count - 1}; not {chosen}")
    return chosen


def _numbers(text: str) -> list[int] | None:
    if not text:
        return None
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"--units takes numbers, as 3,5,7; not {text!r}")
    return [int(part) for part in parts]


def _size(picture: Picture) -> str:
    return "×".join(map(str, picture.values.shape[:2]))
