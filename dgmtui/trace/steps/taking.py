"""Taking one optimiser's step with torch.optim itself, on copies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recording.model import OptimizerStep
from dgmtui.trace.steps.classes import made
from dgmtui.trace.steps.clipping import Clipping, at_step
from dgmtui.trace.steps.loading import Held

_FACTORED = frozenset({"row_var", "col_var"})
"""State whose shape is the parameter's but for one axis (Adafactor)."""


@dataclass(frozen=True, eq=False)
class Taken:
    """One step."""

    told: OptimizerStep
    before: Mapping[str, Tensor]
    after: Mapping[str, Tensor]
    """The parameters that it moved, by path."""
    state: Mapping[str, Tensor]
    """Afterwards, by ``KEY:PATH``."""
    note: str = ""
    """What of its gradients is not known."""
    skipped: bool = False
    """It was left out, as a ``GradScaler`` does with gradients that are not finite."""


def take(
    held: Held,
    parameters: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    clipping: Clipping | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> Taken:
    """The step on ``parameters`` with the gradients that one backward pass made, both by path.

    Args:
        own: without those that earlier passes had made; these are in ``held``.
        clipping: what the training clips gradients to, as far as is known.
        state: in the place of what ``held`` has.

    Raises:
        ReplayError: settings or state are not what the optimiser takes.
    """
    left = {path: total for path in parameters if (total := _total(held.earlier.get(path), own.get(path))) is not None}
    before = {path: parameters[path].detach() for path in left}
    known = {**held.state, **(state or {})}
    at = at_step(held.told, left, norm_of(left), clipping)
    if at.skipped:
        return Taken(held.told, before, before, known, at.note, skipped=True)
    leaves = {path: parameter.clone().requires_grad_() for path, parameter in before.items()}
    if not leaves:
        raise ReplayError("the backward pass made no gradient for any parameter of the optimiser: no step to take")
    for path, leaf in leaves.items():
        leaf.grad = at.gradients[path].detach().clone()
    optimizer = made(held.told, leaves)
    for path, leaf in leaves.items():
        _give_state(optimizer, held, path, leaf, known)
    try:
        optimizer.step()
    except (RuntimeError, TypeError, ValueError, KeyError, AttributeError, AssertionError, IndexError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ReplayError(f"the step can't be taken with what is recorded of the optimiser: {said}") from error
    after = {path: leaf.detach() for path, leaf in leaves.items()}
    return Taken(held.told, before, after, known | _state_of(optimizer, leaves), at.note)


def norm_of(gradients: Mapping[str, Tensor]) -> float:
    """L2 norm of all of them together, in double precision; the same in whatever order they come."""
    return math.sqrt(math.fsum(float(g.detach().abs().double().square().sum()) for g in gradients.values()))


def _total(earlier: Tensor | None, own: Tensor | None) -> Tensor | None:
    if earlier is None or own is None:
        return own if earlier is None else earlier
    if earlier.shape != own.shape:
        raise ReplayError("an earlier gradient is not of its parameter's shape: the recording is damaged")
    return earlier + own


def _give_state(
    optimizer: torch.optim.Optimizer, held: Held, path: str, leaf: Tensor, known: Mapping[str, Tensor]
) -> None:
    for name, tensor in known.items():
        key, _, owner = name.partition(":")
        if owner == path:
            if tensor.shape != leaf.shape and tensor.numel() != 1 and key not in _FACTORED:
                raise ReplayError(f"the state {key} of {path} is not of its shape: the recording is damaged")
            optimizer.state[leaf][key] = tensor.detach().clone()
    for name, value in held.told.numbers.items():
        key, _, owner = name.partition(":")
        if owner == path and name not in known:
            optimizer.state[leaf][key] = value


def _state_of(optimizer: torch.optim.Optimizer, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        f"{key}:{path}": value
        for path, leaf in leaves.items()
        for key, value in optimizer.state.get(leaf, {}).items()
        if isinstance(value, Tensor)
    }
