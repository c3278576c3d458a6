"""A chain in words."""

from typing import TYPE_CHECKING

from dgmtui.credit.model import Link, Target
from dgmtui.trace.graph import Graph

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_MOST_NAMED = 6


def sentence(
    target: Target,
    links: tuple[Link, ...],
    graph: Graph,
    constant: tuple[Link, float] | None,
    cancelled: tuple[str, ...],
    birth: "Birth | None",
) -> str:
    """Which sample, which element of the input and which units, through which modules."""
    start = target.text
    if birth is not None and birth.source is not None:
        start += f" ({birth.source})"
    if len(links) == 1:
        made_of = f"what it is made of ({', '.join(name or 'the root' for name in cancelled)}) is zero or cancels"
        return f"{start}; {made_of if cancelled else 'nothing upstream of it carries credit'}.{_constant(constant)}"
    through = _through(links)
    end = _end(links[-1], graph)
    if through:
        way = f"It was fed by {through}" + (f", and that by {end}" if end else "")
    else:
        way = f"It comes from {end}"
    return f"{start}. {way}.{_constant(constant)}"


def named(link: Link) -> str:
    """``enc.0[17]``."""
    return (link.module or "the root") + ("" if link.unit is None else f"[{link.unit}]")


def _through(links: tuple[Link, ...]) -> str:
    """The units between the target and the input; what only passes one unit on is left out."""
    told: list[str] = []
    inner = [link for link in links[1:] if link.op]
    share: float | None = 1.0
    for i, link in enumerate(inner):
        share = None if share is None or link.share is None else share * link.share
        following = inner[i + 1] if i + 1 < len(inner) else None
        passed_on = following is not None and _is_whole(following)
        if not passed_on:
            told.append(named(link) + ("" if share is None else f" ({100 * share:.0f} %)"))
            share = 1.0
    if len(told) > _MOST_NAMED:
        half = _MOST_NAMED // 2
        told = [*told[:half], f"{len(told) - _MOST_NAMED} more", *told[-half:]]
    return ", that by ".join(told)


def _is_whole(link: Link) -> bool:
    return link.share is not None and abs(link.share - 1) < 1e-3


def _end(last: Link, graph: Graph) -> str:
    if last.op:
        return ""
    outside = graph.outside[last.module]
    place = ""
    if last.element is not None:
        index = last.element[1:] if last.sample is not None else last.element
        place = f" at [{', '.join(map(str, index))}]" if index else ""
    sample = f"sample {last.sample} of " if last.sample is not None else ""
    origin = f" ({outside.origin})" if outside.origin else ""
    return f"{sample}{last.module.removeprefix('input:')}{place} = {last.value:.4g}{origin}"


def _constant(constant: tuple[Link, float] | None) -> str:
    if constant is None:
        return ""
    link, share = constant
    more = ", of which units take some away again" if share > 1 else ""
    alone = "comes from parameters and constants alone, such as its bias"
    return f" But {100 * share:.0f} % of {named(link)} {alone}{more}."
