"""Tracebacks as the script alone would show them."""

import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_KEPT_UNCOMPILED = ("/torch/_compile.py", "/torch/_dynamo/eval_frame.py")
"""Where PyTorch's frames are that keep dynamo out of the one that they call."""
_WATCHERS = tuple(str(Path(__file__).parent.parent / name) + "/" for name in ("recorder", "trace"))


def without_watchers(trace: TracebackType | None) -> TracebackType | None:
    """The same traceback without the frames of what records and traces."""
    kept: list[TracebackType] = []
    while trace is not None:
        if not _file(trace).startswith(_WATCHERS):
            kept.append(trace)
        else:
            while kept and _file(kept[-1]).endswith(_KEPT_UNCOMPILED):
                kept.pop()
        trace = trace.tb_next
    rebuilt = None
    for part in reversed(kept):
        rebuilt = TracebackType(rebuilt, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return rebuilt


def _file(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename


def unseen(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Leave no frame of ours in the traceback of what the user's code raises within ``function``.

    A bare ``raise`` adds no frame, so the frame here is gone too.
    """

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = without_watchers(error.__traceback__)
            raise

    return call
