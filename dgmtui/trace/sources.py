"""Which line of the user's code runs right now."""

import functools
import linecache
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

import torch

from dgmtui.trace.graph import Source

_PACKAGE = Path(__file__).parent.parent
_SITE = tuple(str(Path(sysconfig.get_path(key))) + "/" for key in ("purelib", "platlib"))
_INTERNAL = (str(Path(torch.__file__).parent) + "/", str(_PACKAGE) + "/")
_STDLIB = str(Path(sysconfig.get_path("stdlib"))) + "/"
_DEMOS = str(_PACKAGE / "demos") + "/"


def current_source() -> Source | None:
    """The innermost frame outside torch, the standard library and dgmtui (its demos are user code); None if all are."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_code(frame.f_code.co_filename):
            return source_of(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


@functools.lru_cache(maxsize=4096)
def is_user_code(filename: str) -> bool:
    """Whether a file is the user's: neither torch, nor the standard library, nor dgmtui but for its demos."""
    if filename.startswith(("<frozen", _INTERNAL[0])):
        return False
    if filename.startswith(_INTERNAL[1]):
        return filename.startswith(_DEMOS)
    return not filename.startswith(_STDLIB) or filename.startswith(_SITE)


@functools.lru_cache(maxsize=65536)
def source_of(code: CodeType, line: int) -> Source:
    """A line of some code."""
    return Source(_shown(code.co_filename), line, code.co_qualname, linecache.getline(code.co_filename, line).strip())


def _shown(filename: str) -> str:
    path = Path(filename)
    try:
        return str(path.relative_to(Path.cwd())) if path.is_absolute() else filename
    except (ValueError, OSError):
        return filename
