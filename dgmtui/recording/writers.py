"""Who writes a file right now: once readers are let in, HDF5 holds no lock that would keep a second writer out."""

import os
from pathlib import Path

_PROCESSES = Path("/proc")


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
        opened = list((process / "fd").iterdir())
    except OSError:  # of another user, or gone
        return False
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
