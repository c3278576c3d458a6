"""What a screen that stays open for hours keeps of the memory that it has used and freed."""

import ctypes

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""``M_MMAP_THRESHOLD`` and ``M_ARENA_MAX`` of glibc's ``mallopt(3)``."""
LARGE = 1 << 18
"""Bytes."""
ARENAS = 2
"""Heaps that threads share."""


def give_back_freed_memory() -> None:
    """Have large blocks given back to the system as soon as they are freed, and threads share their heaps.

    By itself glibc keeps blocks of the size of any that was freed, up to 32 MB, in a heap for each thread. Of a run
    that is followed all rows of what is drawn are read again and again, ever more of them, in any thread. Where the C
    library is another one, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_ARENA_MAX, ARENAS)
