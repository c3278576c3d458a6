"""``dgmtui.set_trace()``: the screen opens where the code says so, as pdb's does."""

from functools import cache

from dgmtui.recorder.hooks import present
from dgmtui.recorder.saying import teller

NOT_RECORDED = (
    "set_trace(): nothing is recorded here, the training goes on; run the script with `dgmtui record SCRIPT`, or train "
    "within `with dgmtui.Recorder(…)`"
)


def set_trace() -> None:
    """Open the screen, in this terminal, on the recording that is being made; the training waits.

    Where the forward pass of an iteration is under way, it opens as soon as the backward pass is made, so that a
    snapshot of this very iteration can be replayed there; between two iterations it opens at once on the last one. On
    leaving, the training goes on, or stops as at a non-finite value. Python's ``breakpoint()`` calls this where the
    environment says ``PYTHONBREAKPOINT=dgmtui.set_trace``. Where there is no terminal, or nothing is recorded, that is
    said on standard error, once, and nothing else happens.
    """
    hooks = present()
    if hooks is None:
        _say_once(NOT_RECORDED)
    else:
        hooks.open_screen()


@cache
def _say_once(text: str) -> None:
    teller()(text)
