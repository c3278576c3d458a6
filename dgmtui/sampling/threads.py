"""One thread for the matrix products: where a training uses the other cores, waiting for it takes far longer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_inside = 0
_limited = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, as long as anybody is inside."""
    global _inside, _limited
    with _lock:
        if not _inside:
            _limited = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _limited is not None:
                _limited.restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    """Knows the libraries that are loaded by now; NumPy's is."""
    return ThreadpoolController()
