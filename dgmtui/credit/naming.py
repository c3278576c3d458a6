"""How a tensor's unit is named as a target, and the line that shows more of it."""

from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref


def opened_by(
    graph: Graph, ref: Ref, label: str, unit: int | None, sample: int | None, element: tuple[int, ...] | None = None
) -> tuple[str, str]:
    """The target, empty where ``ref`` can't be one, and the command that opens it.

    Of a module that is called several times, a call other than the last is named by its number.

    Args:
        label: what it is called in a chain: a module's path, ``node:ID`` or an outside tensor's name.
    """
    place = ("" if unit is None else f"[{unit}]") + ("" if sample is None else f"@{sample}")
    if isinstance(ref, OutsideRef):
        inside = ", ".join(map(str, element or ()))
        return label + place, f"print {label}[{inside}]" if inside else f"print {label}"
    if label == "loss" and ref == graph.loss:
        return label, f"credit {label}"
    calls = [call.outputs[0] for call in graph.calls if call.module == label and call.outputs]
    if ref in calls:
        which = "" if ref == calls[-1] else f":{calls.index(ref)}"
        target = (label or ".") + which + place
    elif ref.out == _first_out(graph, ref):
        target = f"node:{ref.node}{place}"
    else:
        return "", f"replay --to {ref.node}"
    return target, f"credit {target}"


def _first_out(graph: Graph, ref: NodeRef) -> int:
    return next((out for out, meta in enumerate(graph.nodes[ref.node].outs) if meta is not None), 0)
