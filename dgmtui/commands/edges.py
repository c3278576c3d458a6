"""What goes from the clusters of one layer to those of another: the edges of CNNVis, as a table."""

from typing import TYPE_CHECKING, Any

from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.commands.unit_blocks import path_of, shown
from dgmtui.errors import UsageError
from dgmtui.session.activations import call_named
from dgmtui.session.session import Session
from dgmtui.session.units import Clustered
from dgmtui.session.view import UnitsTab

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@command("edges", group="analyse", needs_replay=True)
def edges(session: Session, source: ModulePath = "", target: ModulePath = "", *, top: int = 20) -> Result:
    """Say what each cluster of one layer puts into each cluster of a later one.

    What is divided up by LRP-ε are the activations of the target cluster, over the whole batch. Without modules:
    the selected one, and the last layer with parameters that ran before it. A share is of all that the target
    cluster's units add up to on the batch; what came by another way, or from a bias, is "elsewhere".

    JSON: {"command":"edges","iteration","source","target","edges":[{"from","to","contribution","share"}…]}, the
    largest first; "from" is null for what came from elsewhere.
    """
    snapshot = session.needed_snapshot()
    units = session.results.units
    source, target = _two_layers(session, source, target)
    before, after = units.cluster_again(snapshot, source), units.cluster_again(snapshot, target)
    flows, totals = units.flows(snapshot, before, after)
    found = _edge_rows(before, after, flows, totals)
    kept = found[:top] if top else found
    left = f"; {len(found) - len(kept)} more edges, --top 0 shows all" if len(kept) < len(found) else ""
    start, end = source or "root", target or "root"
    cells = tuple(
        ("elsewhere" if e["from"] is None else f"{start} {e['from']}", f"{end} {e['to']}", e["contribution"],
         None if e["share"] is None else round(100 * e["share"], 1))
        for e in kept
    )  # fmt: skip
    tab = UnitsTab(
        title=f"from clusters of {start} to clusters of {end}, over the batch",
        columns=("from", "to", "contribution", "share %"),
        rows=cells,
        clusters=tuple(e["to"] for e in kept),
        note=f"relevance of {start} for the activations of {end}{left}",
        at=snapshot.iteration,
    )
    data = {"iteration": snapshot.iteration, "source": source, "target": target, "edges": kept}
    return Result("edges", data, shown(session, snapshot, "clusters", tab))


def _two_layers(session: Session, source: str, target: str) -> tuple[str, str]:
    """The layers that are meant, in the order in which they run.

    Raises:
        UsageError: none runs before the target.
    """
    if source and not target:
        raise UsageError("it takes two modules, or none for the selected one and the layer before it")
    if source:
        return path_of(session, source), path_of(session, target)
    graph = session.results.units.replayed(session.needed_snapshot()).replay.graph
    end, _ = call_named(graph, session.module)
    layers = {module.path for module in session.recording.modules if module.parameters}
    before = [
        call
        for call in graph.calls
        if call.module in layers
        and call.outputs
        and call.end <= end.end
        and call.id != end.id
        and call.outputs[0] != end.outputs[0]
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
