"""Units that do alike, in clusters, and one cluster by its units."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dgmtui.commands.grammar import ModulePath, quote
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.commands.unit_blocks import few, line_of_unit, path_of, shown, without_empty
from dgmtui.session.activations import labels_of
from dgmtui.session.rankings import ranked_samples, strongest_classes
from dgmtui.session.session import Session
from dgmtui.session.units import Clustered
from dgmtui.session.view import UnitsTab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dgmtui.clusters import Group

_CLUSTERED = "a unit is compared by its mean over positions for each sample, standardised"


@command("clusters", group="analyse", keys=(("G", "clusters", "clusters"),), needs_replay=True)
def clusters(session: Session, module: ModulePath = "", *, k: int | None = None) -> Result:
    """Put the units of a module that are active for the same samples together; `clusters 2` opens one.

    k-means over the units' activations on the snapshot's batch, standardised by unit; units that are the same for
    every sample, and units that hold non-finite values, are set aside. -k K: so many clusters, else as many as are the
    most apart. Numbers and colours stay while the same units are clustered at other iterations. A cluster's samples
    and class are those that activate it most. Where modules have numbers for names, `clusters cluster:2` opens one.

    JSON: {"command":"clusters","iteration","module","silhouette","clustered","clusters":[{"cluster","kind","size",
    "mean","zeros","units","samples","label"}…]}: "kind" is null, "constant" or "non-finite"; "units" are all, the
    nearest to the centre first. Of one cluster: {"command":"clusters","iteration","module","cluster","units":[{"unit",
    "mean","peak","zeros","sample","label"}…]}.
    """
    snapshot = session.needed_snapshot()
    number = module.removeprefix("cluster:")
    if number.isdecimal() and (number != module or module not in {m.path for m in session.recording.modules}):
        return _opened(session, int(number))
    made = session.results.units.cluster(snapshot, path_of(session, module), k)
    labels = labels_of(session.results.units.replayed(snapshot))
    rows = [_cluster_row(made, group, labels) for group in made.clustering.groups]
    data = {
        "iteration": snapshot.iteration, "module": made.module, "silhouette": made.clustering.silhouette,
        "clustered": made.clustering.clustered, "clusters": rows,
    }  # fmt: skip
    return Result("clusters", data, shown(session, snapshot, "clusters", _clusters_tab(made, rows)))


def _cluster_row(made: Clustered, group: "Group", labels: "NDArray[np.int64] | None") -> dict[str, Any]:
    units = list(group.units)
    means = made.activations.means
    with np.errstate(invalid="ignore"):
        together = means[:, units].mean(axis=1)
        mean = float(together.mean())
    (label,) = strongest_classes(together[:, None], labels)
    return {
        "cluster": group.number,
        "kind": group.kind or None,
        "size": len(units),
        "mean": mean,
        "zeros": float(made.activations.zeros[units].mean()),
        "units": units,
        "samples": [ranked.sample for ranked in ranked_samples(made.activations, group.units)[:3]],
        "label": None if group.kind == "constant" else label,
    }


def _clusters_tab(made: Clustered, rows: list[dict[str, Any]]) -> UnitsTab:
    cells: list[tuple[object, ...]] = [
        (r["cluster"], r["kind"], r["size"], r["mean"], round(100 * r["zeros"], 1), few(r["units"]),
         few(r["samples"]), r["label"])
        for r in rows
    ]  # fmt: skip
    headings = ("cluster", "", "units", "mean", "zeros %", "which, the most typical first", "samples", "class")
    columns, cells = without_empty(headings, cells)
    clustering = made.clustering
    apart = "" if clustering.silhouette is None else f", silhouette {clustering.silhouette:.2f}"
    if clustering.judged < clustering.clustered:
        apart += f" ({clustering.judged:,} of {clustering.clustered:,} units)" if apart else ""
    total = len(clustering.labels)
    return UnitsTab(
        title=f"{made.activations.name}: {total:,} unit{'s' * (total != 1)} in {len(rows)} cluster"
        f"{'s' * (len(rows) != 1)}{apart}",
        columns=columns,
        rows=tuple(cells),
        clusters=tuple(r["cluster"] for r in rows),
        row_lines=tuple(f"clusters cluster:{r['cluster']}" for r in rows),
        note=f"{_few_samples(made)}{_CLUSTERED}; `clusters N` opens one, `samples cluster:N` shows what activates it",
        at=made.snapshot.iteration,
    )


def _few_samples(made: Clustered) -> str:
    count = made.activations.values.shape[0]
    return f"there {'is one sample' if count == 1 else f'are {count} samples'} only; " if count < 8 else ""


def _opened(session: Session, number: int) -> Result:
    units = session.results.units
    group = units.group(session.needed_snapshot(), f"cluster:{number}")
    made = units.last
    assert made is not None, "there is such a cluster"
    labels = labels_of(units.replayed(made.snapshot))
    rows = _unit_rows(made, group.units, labels)
    cells: list[tuple[object, ...]] = [
        (r["unit"], r["mean"], r["peak"], round(100 * r["zeros"], 1), r["sample"], r["label"]) for r in rows
    ]
    columns, cells = without_empty(("unit", "mean", "peak", "zeros %", "by sample", "class"), cells)
    tab = UnitsTab(
        title=f"{group.text}: {len(rows):,} units",
        columns=columns,
        rows=tuple(cells),
        clusters=(number,) * len(cells),
        row_lines=tuple(line_of_unit(made.module, r["unit"]) for r in rows),
        back=f"clusters {quote(made.module or '.')}",
        note="the most typical first; a peak is the greatest over samples and positions",
        at=made.snapshot.iteration,
    )
    data = {"iteration": made.snapshot.iteration, "module": made.module, "cluster": number, "units": rows}
    return Result("clusters", data, shown(session, made.snapshot, "clusters", tab))


def _unit_rows(made: Clustered, units: tuple[int, ...], labels: "NDArray[np.int64] | None") -> list[dict[str, Any]]:
    listed = list(units)
    means, peaks = made.activations.means[:, listed], made.activations.peaks[:, listed]
    best = np.where(np.isnan(peaks), np.inf, peaks).argmax(axis=0)
    with np.errstate(invalid="ignore"):
        columns = means.mean(axis=0), peaks[best, np.arange(len(units))], made.activations.zeros[listed], best
    classes = strongest_classes(means, labels)
    return [
        {"unit": unit, "mean": mean, "peak": peak, "zeros": zeros, "sample": sample, "label": label}
        for unit, label, mean, peak, zeros, sample in zip(
            units, classes, *(column.tolist() for column in columns), strict=True
        )
    ]
