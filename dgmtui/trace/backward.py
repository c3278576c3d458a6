"""Back-propagation through a replay, with every backward function's gradients watched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dgmtui.trace.finite import is_finite


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
