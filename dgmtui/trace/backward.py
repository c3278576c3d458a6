"""Back-propagation through a replay, with every backward function's gradients watched."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from dgmtui.trace.finite import is_finite
from dgmtui.trace.graph import NodeRef, Ref

Key = TypeVar("Key")


@dataclass(frozen=True)
class Finiteness:
    """Which kinds of non-finite values a set of tensors holds."""

    nan: bool = False
    posinf: bool = False
    neginf: bool = False

    @property
    def finite(self) -> bool:
        """Whether it holds none."""
        return not (self.nan or self.posinf or self.neginf)

    @property
    def kind(self) -> str:
        """``nan``, ``inf`` or ``-inf``, in this order of precedence; ``finite`` if none."""
        return "nan" if self.nan else "inf" if self.posinf else "-inf" if self.neginf else "finite"


FINITE = Finiteness()


@dataclass(frozen=True)
class BackwardStep:
    """One backward function as it ran."""

    function: str
    """``SqrtBackward0``."""
    node: int | None
    """The forward node whose derivative it is; None for a leaf's accumulation."""
    leaf: str
    """Name of the outside tensor that it accumulates into; empty for other functions."""
    incoming: Finiteness
    outgoing: Finiteness
    following: tuple[int, ...] = ()
    """Places, among the steps, of the functions that take its outgoing gradients."""
    gradients: tuple[Tensor | None, ...] = ()
    """Its outgoing gradients, one per differentiable argument of the operation; kept only where the incoming ones were
    finite and these are not."""


def finiteness_of(tensors: Any) -> Finiteness:
    """Which kinds of non-finite values are in a tuple of gradients (None and integers are passed over)."""
    bad = [t for t in tensors if isinstance(t, Tensor) and not is_finite(t)]
    if not bad:
        return FINITE
    nan = any(bool(torch.isnan(t).any()) for t in bad)
    real = [torch.view_as_real(t) if t.is_complex() else t for t in bad]
    return Finiteness(
        nan, any(bool(torch.isposinf(t).any()) for t in real), any(bool(torch.isneginf(t).any()) for t in real)
    )


class Edges:
    """Where the gradient of every result comes by on the way back, and whose derivative each backward function is."""

    def __init__(self) -> None:
        self._edges: dict[Ref, GradientEdge] = {}
        self._made: list[tuple[Any, int]] = []
        """Backward functions as they were when the node had run: a later change in place gives its tensor another."""

    def add(self, ref: NodeRef, result: Tensor) -> None:
        """``result`` is what ``ref`` names, and has a backward function."""
        edge = get_gradient_edge(result)
        self._edges[ref] = edge
        self._made.append((edge.node, ref.node))

    def own(self, t: Tensor, node: int) -> None:
        """``node`` changed ``t`` in place."""
        self._made.append((t.grad_fn, node))

    def owners(self) -> dict[Any, int]:
        """Which node each backward function is the derivative of."""
        owners: dict[Any, int] = {}
        for made, node in self._made:
            stack = [made]
            while stack:
                function = stack.pop()
                if function is None or function in owners or function.name().endswith("AccumulateGrad"):
                    continue
                owners[function] = node
                stack.extend(following for following, _ in function.next_functions)
        return owners

    def gradients(self, loss: Tensor, leaves: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[Ref, Tensor]]:
        """The loss's gradients by the leaves and by every result that they reach."""
        edges = [*map(get_gradient_edge, leaves.values()), *self._edges.values()]
        found = torch.autograd.grad(loss, edges, torch.ones_like(loss), retain_graph=True, allow_unused=True)
        by_leaf, by_result = found[: len(leaves)], found[len(leaves) :]
        return _those_made(leaves, by_leaf), _those_made(self._edges, by_result)

    @contextmanager
    def kept(self) -> Iterator[dict[Ref, Tensor]]:
        """The results' gradients of a backward pass within the block; filled as it runs."""
        kept: dict[Ref, Tensor] = {}
        places: dict[Any, list[tuple[Ref, int]]] = {}
        for ref, edge in self._edges.items():
            places.setdefault(edge.node, []).append((ref, edge.output_nr))
        handles = [node.register_prehook(_keeper(kept, here)) for node, here in places.items()]
        try:
            yield kept
        finally:
            for handle in handles:
                handle.remove()


def _those_made(names: Iterable[Key], gradients: Iterable[Tensor | None]) -> dict[Key, Tensor]:
    return {name: gradient for name, gradient in zip(names, gradients, strict=True) if gradient is not None}


def _keeper(kept: dict[Ref, Tensor], places: list[tuple[Ref, int]]) -> Any:
    def keep(gradients: Any) -> None:
        kept.update({ref: gradients[number].detach() for ref, number in places if gradients[number] is not None})

    return keep


class Watch:
    """Hooks on every backward function between a loss and its leaves."""

    def __init__(self, loss: Tensor, owners: Mapping[Any, int], leaves: Mapping[Any, str]) -> None:
        self._steps: list[tuple[Any, BackwardStep]] = []
        self._handles = [
            self._hook(function, owners.get(function), leaves.get(function, "")) for function in functions_of(loss)
        ]

    def _hook(self, function: Any, node: int | None, leaf: str) -> Any:
        name = function.name().rsplit("::", 1)[-1]

        def after(grads_in: Any, grads_out: Any) -> None:
            incoming = finiteness_of(grads_out)
            outgoing = incoming if leaf else finiteness_of(grads_in)
            born = tuple(grads_in) if incoming.finite and not outgoing.finite else ()
            self._steps.append((function, BackwardStep(name, node, leaf, incoming, outgoing, (), born)))

        return function.register_hook(after)

    def steps(self) -> tuple[BackwardStep, ...]:
        """What ran, in execution order."""
        place = {function: i for i, (function, _) in enumerate(self._steps)}

        def following(function: Any) -> tuple[int, ...]:
            return tuple(place[after] for after, _ in function.next_functions if after in place)

        return tuple(replace(step, following=following(function)) for function, step in self._steps)

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def functions_of(loss: Tensor) -> list[Any]:
    """Every backward function reachable from ``loss``."""
    found: dict[Any, None] = {}
    stack: list[Any] = [loss.grad_fn]
    while stack:
        function = stack.pop()
        if function is None or function in found:
            continue
        found[function] = None
        stack.extend(following for following, _ in function.next_functions)
    return list(found)
