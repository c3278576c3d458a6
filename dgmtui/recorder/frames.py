"""The user's live variables: which one holds a tensor, and what it holds now.

Nothing read here outlives the call that read it: on Python 3.11 and 3.12 a function frame's ``f_locals`` is a copy that
keeps alive what the user deletes, so it is emptied after each look.
"""

import inspect
import sys
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import FrameType, ModuleType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from dgmtui.trace.sources import is_user_code

_T = TypeVar("_T")
_DEPTH = 3
_ITEMS = 64
_OPAQUE = (torch.nn.Module, type, ModuleType)
"""What is not looked into: a module's tensors have names of their own, and ``sys`` reaches everything."""
_OURS = 3
"""References to a frame's ``f_locals`` that nobody but the frame and its reader holds."""


@dataclass(frozen=True)
class Variable:
    """Where a tensor was found: a variable of a function and the way into what it holds."""

    file: str
    function: str
    name: str
    path: tuple[Any, ...] = ()
    """Keys, indices and (after a dot) attribute names, outermost first."""

    def __str__(self) -> str:
        inside = "".join(key if isinstance(key, str) and key.startswith(".") else f"[{key!r}]" for key in self.path)
        return f"{self.name}{inside}"


def find_variable(tensor: Tensor) -> Variable | None:
    """The variable that holds this very tensor, innermost frame first."""
    address = tensor._cdata
    for frame in _user_frames():
        with _Locals(frame) as variables:
            for depth in range(_DEPTH + 1):  # the plainest way in is the best name
                for name, value in variables.items():
                    path = _path_to(value, lambda item: isinstance(item, Tensor) and item._cdata == address, depth)
                    if path is not None:
                        return Variable(frame.f_code.co_filename, frame.f_code.co_qualname, name, path)
    return None


def read_variable(variable: Variable) -> Any:
    """What the variable holds now.

    Raises:
        LookupError: no live frame of that function has it.
    """
    for frame in _user_frames():
        code = frame.f_code
        if (code.co_filename, code.co_qualname) != (variable.file, variable.function):
            continue
        with _Locals(frame) as variables:
            if variable.name in variables:
                return _follow(variables[variable.name], variable.path)
    raise LookupError(f"variable {variable} of {variable.function}")


def in_scope(kind: type[_T]) -> Iterator[tuple[str, _T]]:
    """Every ``kind`` that a user's variable, or an item or attribute of one, holds; innermost frame first, by name."""
    for frame in _user_frames():
        with _Locals(frame) as variables:
            found = list(_instances(variables, kind))
        yield from found


def dataset_index(batch: Sequence[Tensor]) -> list[int] | None:
    """Which rows of a data set a batch is: where variables ``idx`` and ``X`` live and ``X[idx]`` equals it exactly."""
    for frame in _user_frames():
        with _Locals(frame) as variables:
            values = list(variables.values())
        for index in filter(None, (_as_index(value) for value in values)):
            for tensor in batch:
                if tensor.dim() and len(index) == len(tensor) and any(_selects(v, index, tensor) for v in values):
                    return index
    return None


def _as_index(value: Any) -> list[int] | None:
    if isinstance(value, Tensor | np.ndarray):
        integral = value.dtype in (torch.int64, torch.int32, np.dtype("int64"), np.dtype("int32"))
        return [int(i) for i in value] if integral and value.ndim == 1 and 0 < len(value) < 1 << 20 else None
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return value
    return None


def _selects(data: Any, index: list[int], batch: Tensor) -> bool:
    if not isinstance(data, Tensor | np.ndarray) or data.ndim != batch.dim() or data.shape[1:] != batch.shape[1:]:
        return False
    if len(data) <= max(index) or min(index) < 0 or len(data) == len(batch):
        return False
    try:
        chosen = torch.as_tensor(data[index]).to(device=batch.device)
    except (TypeError, RuntimeError):  # text, or a sparse tensor
        return False
    return chosen.dtype == batch.dtype and torch.equal(chosen.nan_to_num(), batch.detach().nan_to_num())


def _user_frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_code(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


class _Locals:
    """A frame's variables, its globals where they are tensors or modules, for the length of a ``with``.

    Up to Python 3.12 ``locals()`` gives the user the very dictionary that ``f_locals`` is: one that the user keeps is
    left as it is.
    """

    def __init__(self, frame: FrameType) -> None:
        self._frame = frame

    def __enter__(self) -> Mapping[str, Any]:
        frame = self._frame
        self._locals = frame.f_locals
        if self._locals is frame.f_globals:
            return dict(self._locals)
        self._shared = sys.getrefcount(self._locals) > _OURS
        used = {name: frame.f_globals[name] for name in frame.f_code.co_names if name in frame.f_globals}
        return {**self._locals, **used}

    def __exit__(self, *_: object) -> None:
        copied = self._locals is not self._frame.f_globals and bool(self._frame.f_code.co_flags & inspect.CO_OPTIMIZED)
        if copied and not self._shared and sys.version_info < (3, 13):
            self._locals.clear()


def _path_to(value: Any, wanted: Callable[[Any], bool], depth: int) -> tuple[Any, ...] | None:
    if wanted(value):
        return ()
    if depth == 0 or isinstance(value, str | bytes | Tensor | np.ndarray):
        return None
    for key, item in _items(value):
        inner = _path_to(item, wanted, depth - 1)
        if inner is not None:
            return (key, *inner)
    return None


def _items(value: Any) -> list[tuple[Any, Any]]:
    """What it holds in memory: a mapping of another kind may be a file, and to iterate over one may read or fail."""
    try:
        if isinstance(value, dict | UserDict):
            return [(key, item) for key, item in islice(value.items(), _ITEMS) if isinstance(key, str | int)]
        if isinstance(value, list | tuple):
            return list(enumerate(value[:_ITEMS]))
        if not isinstance(value, _OPAQUE) and isinstance(getattr(value, "__dict__", None), dict):
            return [(f".{key}", item) for key, item in list(vars(value).items())[:_ITEMS]]
    except Exception:  # noqa: BLE001  # a class of the user's, or another thread puts things in meanwhile
        pass
    return []


def _follow(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            value = getattr(value, key[1:]) if isinstance(key, str) and key.startswith(".") else value[key]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise LookupError(f"{key!r} is gone") from error
    return value


def _instances(variables: Mapping[str, Any], kind: type[_T]) -> Iterator[tuple[str, _T]]:
    for name, value in variables.items():
        if isinstance(value, kind):
            yield name, value
            continue
        for key, item in _items(value):
            if isinstance(item, kind):
                yield (key.removeprefix(".") if isinstance(key, str) else f"{name}{key}"), item
