"""Leaving at once: what a thread is in the middle of, as loading torch, is not waited for."""

from concurrent.futures import ThreadPoolExecutor


class Hurried(ThreadPoolExecutor):
    """Threads that nobody waits for when the loop ends; what they make then is of no use to anybody."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of them."""
        super().shutdown(wait=False, cancel_futures=True)
