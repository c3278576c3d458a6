"""``torch.compile``: nothing of ours is compiled, and a compiled module is heard as one call."""

import functools
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import nn
from torch._compile import _disable_dynamo

_P = ParamSpec("_P")
_T = TypeVar("_T")

SAID = (
    "torch.compile is at work: within what it compiles no module is heard, so their outputs are recorded only where an "
    "iteration is traced or replayed; one that is traced runs uncompiled, and may round otherwise"
)
_EXTRA_CALL = r"Using `torch\.compile\(module\)` when there are global hooks"


def uncompiled(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Keep dynamo out of ``function``: called from compiled code it would compile the recorder, and fail at it."""
    return _disable_dynamo(function)


def is_compiled(module: nn.Module) -> bool:
    """Whether ``torch.compile`` made it, or ``module.compile()`` was called."""
    return module._compiled_call_impl is not None or type(module).__name__ == "OptimizedModule"


def was_used() -> bool:
    """Whether anything was compiled in this process, perhaps long ago."""
    known = getattr(sys.modules.get("torch._dynamo.eval_frame"), "cached_backends", {})
    return any(backend is not None for backend in known.values())  # None: a function that is never to be compiled


class CompiledModules:
    """Calls of modules that ``module.compile()`` was applied to, which pass by PyTorch's global hooks."""

    def __init__(self, before: Callable[..., None], after: Callable[..., None]) -> None:
        self._before = before
        self._after = after
        self._wrapped: list[tuple[nn.Module, Callable[..., Any]]] = []
        self._within: list[int] = []

    def is_heard(self, module: nn.Module) -> bool:
        """Whether the call under way of ``module`` is known already: its hooks are run where it can't be compiled."""
        return id(module) in self._within

    def hear(self, modules: Iterable[nn.Module]) -> None:
        """From here on hear the calls of those that are compiled."""
        for module in modules:
            compiled = module._compiled_call_impl
            if compiled is not None and not hasattr(compiled, "_heard_by_dgmtui"):
                module._compiled_call_impl = self._heard(module, compiled)
                self._wrapped.append((module, compiled))

    def leave(self) -> None:
        """Have them as they were."""
        for module, compiled in self._wrapped:
            module._compiled_call_impl = compiled
        self._wrapped = []

    def _heard(self, module: nn.Module, compiled: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(compiled)
        def call(*args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_compiling():
                return compiled(*args, **kwargs)
            output = None
            self._before(module, args)
            self._within.append(id(module))
            try:
                output = compiled(*args, **kwargs)
            finally:
                self._within.pop()
                self._after(module, args, kwargs, output)
            return output

        call._heard_by_dgmtui = True  # type: ignore[attr-defined]
        return call


def expect_extra_call() -> Callable[[], None]:
    """Silence PyTorch's warning that hooks hear a compiled module twice, as we do; gives what undoes that."""
    warnings.filterwarnings("ignore", message=_EXTRA_CALL)
    mine = warnings.filters[0]

    def undo() -> None:
        if mine in warnings.filters:
            warnings.filters.remove(mine)  # type: ignore[attr-defined]

    return undo
