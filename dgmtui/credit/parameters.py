"""Which parameters have a part in a chain: biases that kept relevance, and weight rows larger than their like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import Link
from dgmtui.credit.sweep import Reader
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

KEPT_LEAST = 0.05
"""A parameter that kept less of what a link handed on is not named."""
STANDS_OUT = 2.0
"""Least ratio of a weight row's norm to that of the median row."""
_NAMED = 3


@dataclass(frozen=True)
class ParameterPart:
    """One parameter, or a unit's slice of one."""

    name: str
    """``param:enc.0.bias``."""
    index: tuple[int | None, ...]
    """Into it; None: all along that axis, trailing ones left out; empty: the whole."""
    value: float
    """The element; of a slice its L2 norm."""
    share: float | None
    """Kept of what its link handed on; None of a weight, which only scales."""
    ratio: float | None
    """Norm of the slice to that of the median slice; None of what was added."""
    link: int
    """Place of the link in the chain."""

    @property
    def what(self) -> str:
        """``param:enc.0.bias[17]``."""
        inside = ", ".join(":" if i is None else str(i) for i in self.index)
        return f"{self.name}[{inside}]" if inside else self.name


def parts_of(
    reader: Reader, outputs: Outputs, links: Sequence[Link], refs: Sequence[Ref], kept: Sequence[Mapping[Ref, Tensor]]
) -> tuple[ParameterPart, ...]:
    """The parameters that kept most, then the weight rows that stand out most.

    Args:
        refs: what each link is of.
        kept: relevance that parameters kept on the way from each link, as shares of what the link handed on.
    """
    added = [part for i, taken in enumerate(kept) for part in _kept(reader, taken, i)]
    rows = [part for i, link in enumerate(links) for part in _rows(reader, outputs, link, refs[i], i)]
    added.sort(key=lambda part: -abs(part.share or 0.0))
    rows.sort(key=lambda part: -(part.ratio or 0.0))
    return (*_once(added)[:_NAMED], *_once(rows)[:_NAMED])


def _once(parts: list[ParameterPart]) -> list[ParameterPart]:
    return list({part.what: part for part in reversed(parts)}.values())[::-1]


def _kept(reader: Reader, taken: Mapping[Ref, Tensor], link: int) -> list[ParameterPart]:
    found = []
    for ref, shares in taken.items():
        share = float(shares.double().sum())
        names = parameters_behind(reader.graph, ref)
        if abs(share) < KEPT_LEAST or len(names) != 1:
            continue
        parameter = reader.value(OutsideRef(names[0]))
        index: tuple[int, ...] = ()
        if shares.shape == parameter.shape and shares.numel():
            index = tuple(int(i) for i in torch.unravel_index(shares.abs().argmax(), shares.shape))
            alone = abs(float(shares[index])) > 0.9 * abs(share)
            index = index if alone else ()
        value = float(parameter[index]) if index or not parameter.dim() else float(parameter.double().norm())
        found.append(ParameterPart(names[0], index, value, share, None, link))
    return found


def _rows(reader: Reader, outputs: Outputs, link: Link, ref: Ref, place: int) -> list[ParameterPart]:
    """The unit's slices of its module's weights that are larger than those of the other units."""
    axis = outputs.layout_of(ref).unit_axis
    if link.unit is None or axis is None or not isinstance(ref, NodeRef):
        return []
    units = reader.graph.meta(ref).shape[axis]
    found = []
    for name, transposed in _weights_of(reader.graph, ref):
        weight = reader.value(OutsideRef(name)).double()
        along = 1 if transposed else 0
        norms = weight.movedim(along, 0).flatten(1).norm(dim=1)
        usual = float(norms.median())
        rows = range(link.unit, len(norms), units) if len(norms) % units == 0 else ()
        for row in rows:  # one; of a recurrent cell one a gate
            if usual > 0 and float(norms[row]) >= STANDS_OUT * usual:
                index = (*(None,) * along, row)
                found.append(ParameterPart(name, index, float(norms[row]), None, float(norms[row]) / usual, place))
    return found


def _weights_of(graph: Graph, ref: NodeRef) -> list[tuple[str, bool]]:
    """Parameters of two dimensions and more that go straight into the operation, or the call, that made ``ref``, and
    whether their units lie along the second axis."""
    making = [call for call in graph.calls if ref in call.outputs and call.begin <= ref.node < call.end]
    nodes = [graph.nodes[ref.node]] if not making else [n for n in graph.nodes if n.call == making[-1].id]
    found: dict[str, bool] = {}
    for node in nodes:
        for used in node.inputs():
            for name in parameters_behind(graph, used, near=True):
                found[name] = node.name == "aten.convolution" and node.args[6] is True
    return [(name, transposed) for name, transposed in found.items() if len(graph.outside[name].meta.shape) > 1]


def parameters_behind(graph: Graph, ref: Ref, *, near: bool = False) -> list[str]:
    """Names of the parameters and buffers that ``ref`` is made of alone; none where the batch has a part in it.

    Args:
        near: only through what is made of parameters alone, such as ``t(weight)``, at most a few operations.
    """
    found: dict[str, None] = {}
    stack, seen = [ref], set[Ref]()
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        seen.add(at)
        if isinstance(at, OutsideRef):
            if graph.outside[at.name].kind == "input":
                return []
            found[at.name] = None
        elif near and len(seen) > 8:
            return []
        else:
            stack.extend(graph.nodes[at.node].inputs())
    return list(found)
