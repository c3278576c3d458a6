"""Which optimisers can be made again: PyTorch's own, by name, and with settings that they know."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recording.model import OptimizerStep, ParameterGroup

_CALLING = {"LBFGS": "its step runs the network again as often as it likes, which a trace does not hold"}


def _own_classes() -> dict[str, type[torch.optim.Optimizer]]:
    found = (kind for kind in vars(torch.optim).values() if inspect.isclass(kind))
    return {
        f"{kind.__module__}.{kind.__qualname__}": kind
        for kind in found
        if issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer
    }


def refusal(told: OptimizerStep) -> str:
    """Why a step can't be taken, in words; empty where it can."""
    kind = _own_classes().get(told.type)
    if kind is None:
        return f"{told.type} is none of torch.optim's own classes, and no other code is run from a recording"
    if kind.__name__ in _CALLING:
        return _CALLING[kind.__name__]
    return f"the state of {kind.__name__} is not recorded: {told.left_out}" if told.left_out else ""


def made(told: OptimizerStep, parameters: Mapping[str, Tensor]) -> torch.optim.Optimizer:
    """The optimiser with its settings, over those of its parameters that are given by path; no state yet.

    Raises:
        ReplayError: a setting is not what this torch takes.
    """
    kind: Callable[[Any], torch.optim.Optimizer] = _own_classes()[told.type]
    groups = [_group(group, parameters) for group in told.groups]
    paths = [path for group in told.groups for path in group.parameters if path]
    if len(set(paths)) < len(paths):
        raise ReplayError(f"{told.type} can't be made again: a parameter is in it twice, so the recording is damaged")
    try:
        known = kind([torch.zeros(1, 1, requires_grad=True)]).defaults
        return kind([{**_settings(known, group), "params": group["params"]} for group in groups if group["params"]])
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        raise ReplayError(f"{told.type} can't be made again with the settings recorded: {error}") from error


def _group(group: ParameterGroup, parameters: Mapping[str, Tensor]) -> dict[str, Any]:
    return {**group.settings, "params": [parameters[path] for path in group.parameters if path in parameters]}


def _settings(known: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the class has; ``capturable`` is of other devices only."""
    given = {key: _value(known[key], group[key]) for key in known if key in group}
    return given | ({"capturable": False} if "capturable" in known else {})


def _value(default: object, value: Any) -> Any:
    """As the class has it: pairs are tuples, and numbers that are not finite were strings in JSON."""
    if isinstance(value, list):
        return tuple(_value(None, item) for item in value)
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(default, float) and not isinstance(value, int | float):
        raise TypeError(f"a number was expected, not {value!r}")
    return value
