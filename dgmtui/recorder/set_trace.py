"""``dgmtui.set_trace()``: the screen opens where the code says so, as pdb's does."""

from dgmtui.errors import UsageError
from dgmtui.recorder.hooks import present

NOT_RECORDED = (
    "dgmtui.set_trace(): nothing is recorded here; run the script with `dgmtui record SCRIPT`, or train within "
    "`with dgmtui.Recorder(…)`"
)


def set_trace() -> None:
    """Open the screen, in this terminal, on the recording that is being made; the training waits.

    Where the forward pass of an iteration is under way, it opens as soon as the backward pass is made, so that a
    snapshot of this very iteration can be replayed there; between two iterations it opens at once on the last one. On
    leaving, the training goes on, or stops as at a non-finite value. Python's ``breakpoint()`` calls this where the
    environment says ``PYTHONBREAKPOINT=dgmtui.set_trace``. Where there is no terminal, that is said and nothing else
    happens.

    Raises:
        UsageError: nothing is being recorded.
    """
    hooks = present()
    if hooks is None:
        raise UsageError(NOT_RECORDED)
    hooks.open_screen()
