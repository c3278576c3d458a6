"""Who writes a file right now: once readers are let in, HDF5 holds no lock that would keep a second writer out."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

WRITER = "writer"
"""In a run's ``extra``: the process that records it, as ``this_process`` tells it."""
_PROCESSES = Path("/proc")


def this_process() -> dict[str, Any]:
    """``host``, ``pid``, and ``space``, in which the system counts its processes: a container has its own."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "space": _space()}


def is_written_by(path: Path, told: object) -> bool | None:
    """Whether the process that ``this_process`` told of has ``path`` open for writing; None where it can't be seen."""
    here = this_process()
    if not isinstance(told, Mapping) or not here["space"] or any(told.get(k) != here[k] for k in ("host", "space")):
        return None
    process = _PROCESSES / str(told.get("pid"))
    if not process.exists():
        return False
    try:
        return _has_open(process, path.stat())
    except OSError:  # another user's, or the file is gone
        return None


def _space() -> str:
    with suppress(OSError):
        return str((_PROCESSES / "self/ns/pid").readlink())
    return ""


def writer_of(path: Path) -> int | None:
    """The process of this machine that has ``path`` open for writing, as far as the system tells."""
    try:
        wanted = path.stat()
        processes = [entry for entry in _PROCESSES.iterdir() if entry.name.isdecimal()]
    except OSError:
        return None
    for process in processes:
        if _writes(process, wanted):
            return int(process.name)
    return None


def _writes(process: Path, wanted: os.stat_result) -> bool:
    try:
        return _has_open(process, wanted)
    except OSError:  # of another user, or gone
        return False


def _has_open(process: Path, wanted: os.stat_result) -> bool:
    opened = list((process / "fd").iterdir())
    return any(_is(each, wanted) and _for_writing(process / "fdinfo" / each.name) for each in opened)


def _is(opened: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(opened.stat(), wanted)
    except OSError:
        return False


def _for_writing(info: Path) -> bool:
    try:
        flags = next(line for line in info.read_text().splitlines() if line.startswith("flags:"))
    except (OSError, StopIteration):
        return False
    return int(flags.partition(":")[2], 8) & os.O_ACCMODE != os.O_RDONLY
