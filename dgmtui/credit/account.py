"""A chain in a few lines, each with the command that shows more of it."""

from collections.abc import Sequence

from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import AccountLine, Link
from dgmtui.credit.parameters import ParameterPart
from dgmtui.credit.passage import Passage
from dgmtui.credit.region import Region
from dgmtui.trace.graph import Graph, OutsideRef, Ref


def account_of(
    links: Sequence[Link],
    refs: Sequence[Ref],
    graph: Graph,
    outputs: Outputs,
    region: tuple[Region, AccountLine] | None,
    parts: Sequence[ParameterPart],
) -> tuple[AccountLine, ...]:
    """The links, the region of the input, the parameters."""
    told = [line_of(link, _note(link, ref, graph, outputs)) for link, ref in zip(links, refs, strict=True)]
    if region is not None:
        told.append(region[1])
    return (*told, *(_line_of_part(part, links) for part in parts))


def line_of(link: Link, note: str = "") -> AccountLine:
    """A link in one line."""
    place = ("" if link.unit is None else f"[{link.unit}]") + ("" if link.sample is None else f"@{link.sample}")
    what = f"{link.module or 'root'}{place}"
    target = link.target if link.op else ""
    return AccountLine(what, link.value, link.share, link.op, link.source, note, link.command, target)


def line_of_region(region: Region, last: Link, sample_axis: int | None) -> AccountLine:
    """Where in the last link's sample most of the relevance arrived."""
    sample = "" if last.sample is None else f"@{last.sample}"
    name = last.module
    command = f"print {name}[{last.sample}]" if sample_axis == 0 and last.sample is not None else f"print {name}"
    return AccountLine(region.text, None, region.share, "", None, f"of {name}{sample}", command)


def lines_of_passage(passage: Passage) -> tuple[AccountLine, ...]:
    """The gradient that came in, the operation that made it non-finite, and where it went."""
    inside = f"[{', '.join(map(str, passage.out))}]" if passage.out else ""
    sender = passage.sender
    first = AccountLine(
        f"∂L/∂node:{passage.node}{inside}",
        passage.incoming,
        None,
        "" if sender is None else sender.name,
        None if sender is None else sender.source,
        "the gradient that came in",
        f"credit node:{passage.node} --backward",
    )
    second = AccountLine(
        f"{passage.op} ({passage.autograd})",
        passage.received,
        None,
        passage.op,
        passage.source,
        passage.product,
        f"replay --to {passage.node}",
    )
    if not passage.parameters:
        return first, second
    reached = AccountLine(
        "parameter gradients", None, None, "", None, f"non-finite in {passage.reached}",
        f"print grad:{passage.parameters[0][0]}",
    )  # fmt: skip
    return first, second, reached


def _note(link: Link, ref: Ref, graph: Graph, outputs: Outputs) -> str:
    """Which call, of a module that is called several times, and which position, where there are some."""
    notes = []
    calls = [call for call in graph.calls if call.module == link.module and call.outputs]
    if link.op and len(calls) > 1:
        number = next((i for i, call in enumerate(calls, 1) if ref in call.outputs), None)
        notes += [f"call {number} of {len(calls)}"] if number is not None else []
    layout = outputs.layout_of(ref)
    known = {axis for axis, at in ((layout.unit_axis, link.unit), (layout.sample_axis, link.sample)) if at is not None}
    rest = [i for axis, i in enumerate(link.element or ()) if axis not in known]
    if rest and len(rest) < 4:
        names = {1: "position {}", 2: "row {}, column {}", 3: "slice {}, row {}, column {}"}
        notes.append("at " + names[len(rest)].format(*rest))
    if isinstance(ref, OutsideRef) and graph.outside[ref.name].origin:
        notes.append(graph.outside[ref.name].origin)
    return ", ".join(notes)


def _line_of_part(part: ParameterPart, links: Sequence[Link]) -> AccountLine:
    link = links[part.link]
    unit = f"{link.module or 'root'}" + ("" if link.unit is None else f"[{link.unit}]")
    note = f"kept of {unit}" if part.ratio is None else f"norm, {part.ratio:.3g} × that of the median unit"
    return AccountLine(part.what, part.value, part.share, "", None, note, f"print {part.what}")
