"""Whether what is to be written still fits: HDF5 that was refused a write may leave a file that can't be opened."""

import os
from pathlib import Path

from dgmtui.errors import RecordingError

RESERVE = 128 << 10
"""Bytes kept free for saying how the run ended."""


def check_room(path: Path, needed: int, *, reserve: int = RESERVE) -> None:
    """``RecordingError`` where the disk, or the process' limit on a file's size, has no room for so many bytes.

    Quotas are not seen here; those HDF5 meets by itself.
    """
    left, what = _room(path)
    if needed + reserve > left:
        raise RecordingError(
            f"{path} can't be written further ({what} has {left:,} bytes left, {needed:,} more are to be written): "
            "make room, or record less with --every."
        )


def _room(path: Path) -> tuple[int, str]:
    try:
        disk = os.statvfs(path.parent)
        free, what = disk.f_bavail * disk.f_frsize, "the disk"
        limit = _size_limit()
        if limit is not None:
            size = path.stat().st_size if path.exists() else 0
            free, what = min((free, what), (max(0, limit - size), "the limit on a file's size"))
    except (OSError, AttributeError):  # no such call on this system
        return 1 << 62, "the disk"
    return free, what


def _size_limit() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit
