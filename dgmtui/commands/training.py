"""Commands to a training that waits while one looks (`--on-nonfinite debug`, `--on-exception debug`,
`dgmtui.set_trace()`)."""

from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session
from dgmtui.session.training import WaitingTraining

QUESTION = "the training waits: q again stops it, g goes on, resume-training --for-good too"


@command("training", group="session", logged=False)
def training(session: Session) -> Result:
    """Say why the training waits, where this screen was opened by one that does.

    JSON: {"command":"training","waits","because"}; "waits" is false where it ends on leaving.
    """
    waiting = _waiting(session)
    said = f"{waiting.because} (q ends the training)" if waiting.ends else f"{waiting.because}: the training waits (q)"
    return Result("training", {"waits": not waiting.ends, "because": waiting.because}, (Text(said, "warning"),))


@command("resume-training", aliases=("go-on",), group="session", logged=False)
def resume_training(session: Session, *, for_good: bool = False) -> Result:
    """Leave, and let the training that waits go on.

    --for-good: the screen is not opened again, neither at the next non-finite value or an exception nor by
    `dgmtui.set_trace()`.

    JSON: {"command":"resume-training","for_good"}.
    """
    waiting = _waiting(session)
    if waiting.ends:
        raise UsageError("the training can't go on: an exception ended it; q leaves")
    waiting.answer = "go-on-for-good" if for_good else "go-on"
    return Result("resume-training", {"for_good": for_good}, quit=True)


@command("stop-training", group="session", logged=False)
def stop_training(session: Session) -> Result:
    """Leave, and stop the training that waits; its recording is whole.

    JSON: {"command":"stop-training"}.
    """
    _waiting(session).answer = "stop"
    return Result("stop-training", quit=True)


def leave(session: Session) -> Result:
    """What ``quit`` does: where a training waits, the first time it asks."""
    waiting = session.training
    if waiting is None:
        return Result("quit", quit=True)
    if waiting.asked or waiting.ends:
        return stop_training(session)
    waiting.asked = True
    return Result("quit", {"waits": True}, (Text(QUESTION, "warning"),))


def _waiting(session: Session) -> WaitingTraining:
    if session.training is None:
        raise UsageError("no training waits for this screen: `dgmtui record --on-nonfinite debug SCRIPT` opens one")
    return session.training
