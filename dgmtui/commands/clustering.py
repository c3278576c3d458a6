"""Commands about groups of units: clusters, what goes from cluster to cluster, classes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.commands.unit_blocks import few, shown, without_empty
from dgmtui.errors import UsageError
from dgmtui.session.activations import labels_of, last_call
from dgmtui.session.rankings import class_means, most_activating_class, ranked_samples
from dgmtui.session.session import Session
from dgmtui.session.units import Clustered
from dgmtui.session.view import UnitsTab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dgmtui.clusters import Group

_SHADES = " ░▒▓█"
_UNITS_ACROSS = 60
_CLASSES = 20
"""Of a page."""
_CLUSTERED = "a unit is compared by its mean over positions for each sample, standardised"


@command("clusters", group="analyse", keys=(("U", "clusters", "clusters"),), needs_replay=True)
def clusters(session: Session, module: ModulePath = "", *, k: int | None = None, classes: bool = False) -> Result:
    """Put the units of a module that are active for the same samples together, or open one cluster: `clusters 2`.

    k-means over the units' activations on the snapshot's batch, standardised by unit; units that are the same for
    every sample, and units that hold non-finite values, are set aside. -k K: so many clusters, else as many as are the
    most apart. Numbers and colours stay while the same units are clustered at other iterations. --classes is the
    command `classes`. A cluster's samples and class are those that activate it most.

    JSON: {"command":"clusters","iteration","module","silhouette","clustered","clusters":[{"cluster","kind","size",
    "mean","zeros","units","samples","label"}…]}: "kind" is null, "constant" or "non-finite"; "units" are all, the
    nearest to the centre first. Of one cluster: {"command":"clusters","iteration","module","cluster","units":[{"unit",
    "mean","peak","zeros","sample","label"}…]}.
    """
    snapshot = session.needed_snapshot()
    if classes:
        return class_matrix(session, module)
    if module.isdecimal() and module not in {known.path for known in session.recording.modules}:
        return _opened(session, int(module))
    made = session.results.units.cluster(snapshot, _path(session, module), k)
    labels = labels_of(session.results.units.replayed(snapshot))
    rows = [_cluster_row(made, group, labels) for group in made.clustering.groups]
    data = {
        "iteration": snapshot.iteration, "module": made.module, "silhouette": made.clustering.silhouette,
        "clustered": made.clustering.clustered, "clusters": rows,
    }  # fmt: skip
    return Result("clusters", data, shown(session, snapshot, "clusters", _clusters_tab(made, rows)))


@command("edges", group="analyse", needs_replay=True)
def edges(session: Session, source: ModulePath = "", target: ModulePath = "", *, top: int = 20) -> Result:
    """Say what each cluster of one layer puts into each cluster of a later one: TARGET's activations, by LRP-ε.

    Without modules: the selected one, and the last layer with parameters that ran before it. A share is of all that
    the target cluster's units add up to on the batch; what came by another way, or from a bias, is "elsewhere".

    JSON: {"command":"edges","iteration","source","target","edges":[{"from","to","contribution","share"}…]}, the
    largest first; "from" is null for what came from elsewhere.
    """
    snapshot = session.needed_snapshot()
    units = session.results.units
    source, target = _two_layers(session, source, target)
    before, after = units.cluster(snapshot, source), units.cluster(snapshot, target)
    flows, totals = units.flows(snapshot, before, after)
    found = _edge_rows(before, after, flows, totals)
    kept = found[:top] if top else found
    left = f"; {len(found) - len(kept)} more edges, --top 0 shows all" if len(kept) < len(found) else ""
    cells = tuple(
        ("elsewhere" if e["from"] is None else f"{source} {e['from']}", f"{target} {e['to']}", e["contribution"],
         None if e["share"] is None else round(100 * e["share"], 1))
        for e in kept
    )  # fmt: skip
    tab = UnitsTab(
        title=f"from clusters of {source} to clusters of {target}, over the batch",
        columns=("from", "to", "contribution", "share %"),
        rows=cells,
        clusters=tuple(e["to"] for e in kept),
        note=f"relevance of {source} for the activations of {target}{left}",
        at=snapshot.iteration,
    )
    data = {"iteration": snapshot.iteration, "source": source, "target": target, "edges": kept}
    return Result("edges", data, shown(session, snapshot, "clusters", tab))


@command("classes", group="analyse", needs_replay=True)
def class_matrix(session: Session, module: ModulePath = "", *, page: int = 1) -> Result:
    """Show the mean activation of each unit for each class, in an order in which like classes and units are neighbours.

    A column of shades is a unit, from its least mean (blank) to its greatest (█) over the classes; classes come 20 to a
    page. It takes a batch that has an integer label a sample.

    JSON: {"command":"classes","iteration","module","units","classes":[{"label","samples","means","strongest"}…]}:
    "units" gives the order of "means", "classes" are those of all pages, "strongest" the units most above their mean.
    """
    snapshot = session.needed_snapshot()
    units = session.results.units
    labels = labels_of(units.replayed(snapshot))
    found = units.activations(snapshot, _path(session, module))
    if labels is None or len(labels) != found.values.shape[0]:
        raise UsageError("the batch has no integer label for each sample, so there are no classes")
    from dgmtui.clusters import ordered

    names, means = class_means(found.means, labels)
    shades = _relative(means)
    across, down = ordered(shades.T), ordered(shades)
    pages = -(-len(names) // _CLASSES)
    if not 1 <= page <= pages:
        raise UsageError(f"--page takes a number from 1 to {pages}")
    rows = [_class_row(int(names[i]), int((labels == names[i]).sum()), means[i], shades[i], across) for i in down]
    data = {"iteration": snapshot.iteration, "module": found.module, "units": across.tolist(), "classes": rows}
    most = across[np.argsort(-np.ptp(shades, axis=0)[across], kind="stable")[:_UNITS_ACROSS]]
    drawn = [unit for unit in across.tolist() if unit in set(most.tolist())]
    cells = tuple(
        (row["label"], row["samples"], "".join(_SHADES[round(4 * float(shades[i, u]))] for u in drawn) + "|",
         few(row["strongest"], 4))
        for row, i in zip(rows, down.tolist(), strict=True)
    )[_CLASSES * (page - 1) : _CLASSES * page]  # fmt: skip
    of = f"{len(drawn)} of {len(across):,} units" if len(drawn) < len(across) else f"{len(across):,} units"
    tab = UnitsTab(
        title=f"{found.module or 'the root module'}: {len(names)} classes × {of}, mean activation",
        columns=("class", "samples", "units", "strongest"),
        rows=cells,
        note=f"page {page} of {pages}; each unit from its least (blank) to its greatest (█) mean over the classes",
        at=snapshot.iteration,
    )
    return Result("classes", data, shown(session, snapshot, "clusters", tab))


def _path(session: Session, module: str) -> str:
    """The module that is meant; ``""`` typed is what is selected."""
    if not module:
        return session.module
    if module == ".":
        return ""
    return session.recording.module(module).path


def _cluster_row(made: Clustered, group: "Group", labels: "NDArray[np.int64] | None") -> dict[str, Any]:
    units = list(group.units)
    means = made.activations.means
    with np.errstate(invalid="ignore"):
        mean = float(means[:, units].mean())
    return {
        "cluster": group.number,
        "kind": group.kind or None,
        "size": len(units),
        "mean": mean,
        "zeros": float(made.activations.zeros[units].mean()),
        "units": units,
        "samples": [ranked.sample for ranked in ranked_samples(made.activations, group.units)[:3]],
        "label": None if group.kind == "constant" else most_activating_class(means, group.units, labels),
    }


def _clusters_tab(made: Clustered, rows: list[dict[str, Any]]) -> UnitsTab:
    cells: list[tuple[object, ...]] = [
        (r["cluster"], r["kind"], r["size"], r["mean"], round(100 * r["zeros"], 1), few(r["units"]),
         few(r["samples"]), r["label"])
        for r in rows
    ]  # fmt: skip
    columns = ("cluster", "", "units", "mean", "zeros %", "which, the most typical first", "samples", "class")
    columns, cells = without_empty(columns, cells)
    clustering = made.clustering
    apart = "" if clustering.silhouette is None else f", silhouette {clustering.silhouette:.2f}"
    if clustering.judged < clustering.clustered:
        apart += f" ({clustering.judged:,} of {clustering.clustered:,} units)" if apart else ""
    total = len(clustering.labels)
    return UnitsTab(
        title=f"{made.module or 'the root module'}: {total:,} unit{'s' * (total != 1)} in {len(rows)} cluster"
        f"{'s' * (len(rows) != 1)}{apart}",
        columns=columns,
        rows=tuple(cells),
        clusters=tuple(r["cluster"] for r in rows),
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
    means, zeros = made.activations.means, made.activations.zeros
    rows = [_unit_row(made, unit, means, zeros, labels) for unit in group.units]
    cells: list[tuple[object, ...]] = [
        (r["unit"], r["mean"], r["peak"], round(100 * r["zeros"], 1), r["sample"], r["label"]) for r in rows
    ]
    columns, cells = without_empty(("unit", "mean", "peak", "zeros %", "by sample", "class"), cells)
    tab = UnitsTab(
        title=f"{group.text}: {len(rows):,} units",
        columns=columns,
        rows=tuple(cells),
        clusters=(number,) * len(cells),
        note="the most typical first; a peak is the greatest over samples and positions",
        at=made.snapshot.iteration,
    )
    data = {"iteration": made.snapshot.iteration, "module": made.module, "cluster": number, "units": rows}
    return Result("clusters", data, shown(session, made.snapshot, "clusters", tab))


def _unit_row(
    made: Clustered,
    unit: int,
    means: "NDArray[np.float64]",
    zeros: "NDArray[np.float64]",
    labels: "NDArray[np.int64] | None",
) -> dict[str, Any]:
    best = ranked_samples(made.activations, (unit,))[0]
    with np.errstate(invalid="ignore"):
        mean = float(means[:, unit].mean())
    return {
        "unit": unit,
        "mean": mean,
        "peak": best.value,
        "zeros": float(zeros[unit]),
        "sample": best.sample,
        "label": most_activating_class(means, (unit,), labels),
    }


def _two_layers(session: Session, source: str, target: str) -> tuple[str, str]:
    """The layers that are meant, in the order in which they run.

    Raises:
        UsageError: none runs before the target.
    """
    if source and not target:
        raise UsageError("it takes two modules, or none for the selected one and the layer before it")
    if source:
        return _path(session, source), _path(session, target)
    graph = session.results.units.replayed(session.needed_snapshot()).replay.graph
    end = last_call(graph, session.module)
    layers = {module.path for module in session.recording.modules if module.parameters}
    before = [
        call
        for call in graph.calls
        if call.module in layers and call.outputs and call.end <= end.begin and call.outputs[0] != end.outputs[0]
    ]
    if not before:
        raise UsageError(f"no layer runs before {session.module or 'the root module'}; name two: `edges conv1 conv2`")
    return before[-1].module, session.module


def _edge_rows(
    before: Clustered, after: Clustered, flows: "NDArray[np.float64]", totals: "NDArray[np.float64]"
) -> list[dict[str, Any]]:
    rows = []
    for j, sink in enumerate(after.clustering.groups):
        parts: list[tuple[int | None, float]] = [
            (source.number, float(flows[i, j])) for i, source in enumerate(before.clustering.groups)
        ]
        parts.append((None, float(totals[j] - flows[:, j].sum())))
        for number, amount in parts:
            share = amount / float(totals[j]) if totals[j] else None
            rows.append({"from": number, "to": sink.number, "contribution": amount, "share": share})
    return sorted(rows, key=lambda row: -abs(row["contribution"]))


def _relative(means: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """``[C, U]``: each unit from its least (0) to its greatest (1) over the classes; 0 where it is not finite."""
    finite = np.where(np.isfinite(means), means, 0.0)
    low, span = finite.min(axis=0), np.ptp(finite, axis=0)
    found: NDArray[np.float64] = (finite - low) / np.where(span > 0, span, 1.0)
    return found


def _class_row(
    label: int, samples: int, means: "NDArray[np.float64]", shades: "NDArray[np.float64]", order: "NDArray[np.int64]"
) -> dict[str, Any]:
    strongest = np.argsort(-shades * (means > 0), kind="stable")[:5]
    return {
        "label": label,
        "samples": samples,
        "means": means[order].tolist(),
        "strongest": [unit for unit in strongest.tolist() if shades[unit] > 0 and means[unit] > 0],
    }
