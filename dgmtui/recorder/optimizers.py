"""What an optimiser holds before a step, as data: its class by name, its settings, its state."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dgmtui.recording.model import ParameterGroup, StoredTensor
from dgmtui.trace.tensors import to_stored

_PLAIN = (bool, int, float, str, type(None))


def class_of(optimizer: torch.optim.Optimizer) -> str:
    """``torch.optim.adamw.AdamW``."""
    kind = type(optimizer)
    return f"{kind.__module__}.{kind.__qualname__}"


def is_known(optimizer: torch.optim.Optimizer) -> bool:
    """Whether it is one of PyTorch's own, which can be made again by name."""
    return f"{type(optimizer).__module__}.".startswith("torch.optim.")


def groups_of(optimizer: torch.optim.Optimizer, paths: Mapping[int, str]) -> tuple[ParameterGroup, ...]:
    """Its parameter groups with their settings as they are now; ``paths``: by the parameter's id."""
    return tuple(
        ParameterGroup(
            tuple(paths.get(id(parameter), "") for parameter in group["params"]),
            {str(key): plain for key, value in group.items() if key != "params" for plain in _plain(value)},
        )
        for group in optimizer.param_groups
    )


def stepping(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The parameters that its step moves: those with a gradient."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def trained(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All its parameters."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def state_nbytes(optimizer: torch.optim.Optimizer, parameters: list[Tensor]) -> int:
    """What the tensors of its state take."""
    held = (value for p in parameters for value in optimizer.state.get(p, {}).values())
    return sum(value.numel() * value.element_size() for value in held if isinstance(value, Tensor))


def state_of(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, Tensor]
) -> tuple[dict[str, StoredTensor], dict[str, Any]]:
    """Copies of its state's tensors, by the names of a snapshot's, and what of it is no tensor, by ``KEY:PATH``."""
    tensors: dict[str, StoredTensor] = {}
    numbers: dict[str, Any] = {}
    for path, parameter in parameters.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimizer:{key}:{path}"] = to_stored(value)
            else:
                numbers |= {f"{key}:{path}": plain for plain in _plain(value)}
    return tensors, numbers


def _plain(value: object) -> list[Any]:
    """The value as JSON has it, if it can."""
    if isinstance(value, Tensor | np.generic):
        return _plain(value.item()) if isinstance(value, np.generic) or value.numel() == 1 else []
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return [[item for (item,) in items]] if all(items) else []
    return [value] if isinstance(value, _PLAIN) else []
