"""One thread for the matrix products: where a training uses the other cores, waiting for it takes far longer."""

from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def take_one_thread() -> None:
    """Limit NumPy's BLAS, once and for all of this process.

    It is not given back: OpenBLAS has one limit for all threads, and threadpoolctl lets only the first thread that
    asked change it, while charts are sampled in threads that come and go.
    """
    ThreadpoolController().limit(limits=1, user_api="blas")
