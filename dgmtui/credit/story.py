"""A chain in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dgmtui.credit.model import AccountLine, Link, Target
from dgmtui.credit.parameters import ParameterPart
from dgmtui.credit.region import Region
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
    told = [*_through(links), *_end(links[-1], graph)]
    way = f"{_amount(links)} of it came from {', of that from '.join(told)}"
    return f"{start}. {way}.{_constant(constant)}{_beyond(links)}"


def ending(region: tuple[Region, AccountLine] | None, parts: Sequence[ParameterPart]) -> str:
    """Where in the sample most arrived, and which weights stand out."""
    said = ""
    if region is not None and region[0].share < 1 - 1e-3:
        verb = "hold" if "s " in region[0].text or "," in region[0].text else "holds"
        said = f" Of that sample, {region[0].text} {verb} {_percent(region[0].share)}."
    large = [part for part in parts if part.ratio is not None]
    if large:
        named = ", ".join(f"{part.what.removeprefix('param:')} ({part.ratio:.3g} ×)" for part in large)
        said += f" Larger than the median row of its weight: {named}."
    return said


def named(link: Link) -> str:
    """``enc.0[17]``."""
    return (link.module or "the root") + ("" if link.unit is None else f"[{link.unit}]")


def _through(links: tuple[Link, ...]) -> list[str]:
    """The units between the target and the input; what only passes one unit on is left out."""
    told: list[str] = []
    inner = [link for link in links[1:] if link.op]
    share: float | None = 1.0
    for i, link in enumerate(inner):
        share = None if share is None or link.share is None else share * link.share
        following = inner[i + 1] if i + 1 < len(inner) else None
        if following is None or not _is_whole(following) or following.unit != link.unit:
            told.append(named(link) + ("" if share is None else f" ({_percent(share)})"))
            share = 1.0
    if len(told) > _MOST_NAMED + 1:
        half = _MOST_NAMED // 2
        told = [*told[:half], f"{len(told) - _MOST_NAMED} more", *told[-half:]]
    return told


def _is_whole(link: Link) -> bool:
    return link.share is not None and abs(link.share - 1) < 1e-3


def _amount(links: tuple[Link, ...]) -> str:
    """How much of the target the first contributor is."""
    first = links[1].share
    if first is None or not 0.5 < first < 1.05:
        return "The largest part"
    return "All" if abs(first - 1) < 0.005 else "Nearly all" if first > 0.95 else "Most"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if abs(share) < 0.01 else f"{100 * share:.0f} %"


def _end(last: Link, graph: Graph) -> list[str]:
    if last.op:
        return []
    outside = graph.outside[last.module]
    place = ""
    if last.element is not None:
        index = last.element[1:] if last.sample is not None else last.element
        place = f" at [{', '.join(map(str, index))}]" if index else ""
    sample = f"sample {last.sample} of " if last.sample is not None else ""
    share = "" if last.share is None or _is_whole(last) else _percent(last.share)
    about = ", ".join(filter(None, (share, outside.origin)))
    told = f"{sample}{last.module.removeprefix('input:')}{place} = {last.value:.4g}"
    return [told + (f" ({about})" if about else "")]


def _beyond(links: tuple[Link, ...]) -> str:
    """Shares that are no parts of a whole are explained."""
    shares = [link.share for link in links if link.share is not None]
    if any(share < 0 for share in shares):
        return " A share below zero works against what it is a share of."
    return " A share above 100 % has others that take away from it." if any(s > 1.05 for s in shares) else ""


def _constant(constant: tuple[Link, float] | None) -> str:
    if constant is None:
        return ""
    link, share = constant
    more = ", of which units take some away again" if share > 1.005 else ""
    alone = "comes from parameters and constants alone, such as its bias"
    return f" But {100 * share:.0f} % of {named(link)} {alone}{more}."
