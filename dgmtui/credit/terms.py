"""What is summed into the loss: its terms, each with the part of the loss that it makes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.flow import Kind
from dgmtui.credit.ops import vjp
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import packet
from dgmtui.errors import UsageError
from dgmtui.trace.graph import Node, NodeRef, Ref, Source

_SUMS = frozenset({"add", "sub", "rsub", "stack", "cat"})
_REDUCTIONS = frozenset({"sum", "mean"})
_SCALES = frozenset({"mul", "div", "neg"})
_MOVES = frozenset({
    "view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "expand", "alias", "clone", "_to_copy", "permute", "t",
})  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One summand of the loss, or of another term."""

    name: str
    """``loss:0``; ``loss:1.2`` is a summand of ``loss:1``."""
    ref: Ref
    part: float
    """What it adds to the loss, with its sign and factors; the parts and what constants add make up the loss."""
    op: str
    """The operation that made it; empty for what came from outside."""
    source: Source | None


@dataclass(frozen=True)
class _Weighted:
    ref: Ref
    weight: Tensor
    """Of its shape: the loss's derivative by it, by this way alone."""


def terms_of(reader: Reader, name: str = "loss") -> tuple[Term, ...]:
    """The terms that are summed into the loss, or into one of its terms; empty where it is no sum.

    The way back from the loss goes over reductions and constant factors to the first sum, and over sums right before
    it; what is a sum only further back, before another reduction, is a term that has terms itself.

    Raises:
        UsageError: there is no such term.
    """
    graph = reader.graph
    loss = reader.value(graph.loss)
    found = _Weighted(graph.loss, torch.ones_like(loss))
    path = name.removeprefix("loss").removeprefix(":")
    for number in path.split(".") if path else ():
        summands = _summands(found, reader)
        if not number.isdecimal() or len(number) > 6 or int(number) >= len(summands):
            raise UsageError(_no_term(name, len(summands)))
        found = summands[int(number)]
    before = f"{name}." if path else "loss:"
    return tuple(_term(f"{before}{i}", summand, reader) for i, summand in enumerate(_summands(found, reader)))


def term_named(name: str, reader: Reader) -> Term:
    """One term by its name: ``loss:1``.

    Raises:
        UsageError: there is no such term.
    """
    outer, _, number = name.rpartition("." if "." in name else ":")
    terms = terms_of(reader, outer)
    found = next((term for term in terms if term.name == name), None)
    if found is None or not number:
        raise UsageError(_no_term(name, len(terms)))
    return found


def _no_term(name: str, count: int) -> str:
    if not count:
        return f"there is no {name}: that is no sum of terms; `credit loss` lists those that there are"
    return f"there is no {name}; terms are numbered 0 to {count - 1} here, and `credit loss` lists them"


def _term(name: str, summand: _Weighted, reader: Reader) -> Term:
    part = float((summand.weight.double() * reader.value(summand.ref).double()).sum())
    node = reader.graph.nodes[summand.ref.node] if isinstance(summand.ref, NodeRef) else None
    return Term(name, summand.ref, part, node.name if node else "", node.source if node else None)


def _summands(start: _Weighted, reader: Reader) -> list[_Weighted]:
    """The operands of the first sum on the way back from ``start``, and of the sums right before that."""
    at: _Weighted | None = start
    while at is not None:
        node = _maker(at.ref, reader)
        operands = [] if node is None else _pulled(node, at, reader)
        if node is not None and len(operands) > 1:
            return [found for operand in operands for found in _flattened(operand, reader)]
        at = operands[0] if operands else None
    return []


def _flattened(start: _Weighted, reader: Reader) -> list[_Weighted]:
    at = start
    while (node := _maker(at.ref, reader)) is not None and packet(node.op) not in _REDUCTIONS:
        operands = _pulled(node, at, reader)
        if len(operands) > 1:
            return [found for operand in operands for found in _flattened(operand, reader)]
        if not operands:
            break
        at = operands[0]
    return [start]


def _maker(ref: Ref, reader: Reader) -> Node | None:
    return reader.graph.nodes[ref.node] if isinstance(ref, NodeRef) else None


def _pulled(node: Node, at: _Weighted, reader: Reader) -> list[_Weighted]:
    """The operands that ``node`` adds up or scales, with their weights; none where it does something else."""
    refs = _linear_operands(node, reader)
    if not refs:
        return []
    cotangents = [at.weight if NodeRef(node.id, out) == at.ref else None for out in range(len(node.outs))]
    pulled = vjp(node, reader.graph, reader.at(node.id), refs, cotangents)
    return [_Weighted(ref, weight) for ref, weight in zip(refs, pulled, strict=True)]


def _linear_operands(node: Node, reader: Reader) -> list[Ref]:
    name = packet(node.op)
    taken = list(node.inputs())
    kinds = {ref: reader.flow.kind(ref) for ref in taken}
    if name in _SUMS:
        return [ref for ref in dict.fromkeys(taken) if kinds[ref] in (Kind.ACTIVATION, Kind.PARAMETER)]
    if name in _REDUCTIONS or name in _MOVES or name == "neg":
        return taken[:1]
    if name not in _SCALES:
        return []
    scaled = [ref for ref in taken if kinds[ref] is Kind.ACTIVATION] or [
        ref for ref in taken if kinds[ref] is Kind.PARAMETER
    ]
    divisor = name == "div" and scaled[:1] != taken[:1]
    return scaled if len(scaled) == 1 and not divisor else []
