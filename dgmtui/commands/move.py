"""Commands that move the cursor over iterations."""

from typing import Annotated, Literal

from dgmtui.commands.describe import moved
from dgmtui.commands.grammar import Completes
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.recording.model import NonFinite, SnapshotInfo
from dgmtui.session.session import Session

NONE_FOUND = "no non-finite value is recorded; `findings` says what else there is"
NONE_LEFT = "no non-finite value is recorded but for those excluded: {}; `include all` takes that back"


@command("goto", group="move", aliases=("g",), keys=(("g", "goto ", ""),))
def goto(session: Session, iteration: Annotated[int | Literal["first-nonfinite"] | str, Completes("goto")]) -> Result:
    """Stand on an iteration: its number, -1 for the last, or first-nonfinite; or go to a bookmark.

    Iterations count from 0, one an optimiser step; negative numbers count from the last. Where the iteration is not
    recorded, the nearest one before it is taken, and said.

    JSON: {"command":"goto","iteration","phase","module","unit","sample","quantity","finding","note"}: where you stand,
    as `where` says it, and a sentence where that is not what you asked for.
    """
    if iteration == "first-nonfinite":
        return _stand(session, "goto", session.landmarks.first_nonfinite())
    if isinstance(iteration, str):
        _to_bookmark(session, iteration)
        return moved(session, "goto")
    return moved(session, "goto", session.go_to(iteration))


@command("step", group="move", aliases=("s",), keys=(("right", "step", ""), ("l", "step", ""), ("L", "step 10", "")))
def step(session: Session, n: int = 1) -> Result:
    """Go on by one iteration, or by N.

    JSON: as `goto`, with "command":"step".
    """
    return moved(session, "step", session.move(n))


@command("back", group="move", keys=(("left", "back", ""), ("h", "back", ""), ("H", "back 10", "")))
def back(session: Session, n: int = 1) -> Result:
    """Go back by one iteration, or by N.

    JSON: as `goto`, with "command":"back".
    """
    return moved(session, "back", session.move(-n))


@command("follow", group="move", keys=(("F", "follow", "follow"),))
def follow(session: Session) -> Result:
    """Go to the last iteration, and with it while the run goes on; any other move pins the cursor again.

    What a run has recorded since is taken in, whether the cursor follows or not.

    JSON: as `goto`, with "command":"follow".
    """
    session.follow()
    return moved(session, "follow", "" if session.running else "the run has ended; this is its last iteration")


@command("pause", group="move", keys=(("P", "pause", ""),))
def pause(session: Session) -> Result:
    """Take in nothing more of a run that is watched, until `follow`.

    The status says how far one is behind.

    JSON: {"command":"pause"}.
    """
    if not session.watched:
        raise UsageError("no run is watched: `follow` watches one")
    session.liveness.paused = True
    session.following = False
    session.liveness.look(session.recording)
    return Result("pause", blocks=(Text("paused: nothing new is taken in until `follow` (F)"),))


@command("first-nonfinite", group="move")
def first_nonfinite(session: Session) -> Result:
    """Stand on the first NaN or Inf: its iteration, and the module and unit whose value led to it.

    The recording's index knows where it was seen, and nothing is scanned; the replay of a failing iteration, in the
    screen made in the background, tells what led to it. "finding" says where it was born.

    JSON: as `goto`, with "command":"first-nonfinite".
    """
    return _stand(session, "first-nonfinite", session.landmarks.first_nonfinite())


@command("next-nonfinite", group="move", aliases=("n",), keys=(("n", "next-nonfinite", "next ✗"),))
def next_nonfinite(session: Session) -> Result:
    """Stand on the next iteration with a NaN or Inf; after the last one, on the first again.

    JSON: as `goto`, with "command":"next-nonfinite".
    """
    found = session.landmarks.next_nonfinite(session.iteration)
    if found is not None:
        return _stand(session, "next-nonfinite", found)
    first = session.landmarks.first_nonfinite()
    return _stand(session, "next-nonfinite", first, _wrapped(session, first, "after", "first"))


@command("prev-nonfinite", group="move", aliases=("N",), keys=(("N", "prev-nonfinite", ""),))
def prev_nonfinite(session: Session) -> Result:
    """Stand on the iteration before with a NaN or Inf; before the first one, on the last again.

    JSON: as `goto`, with "command":"prev-nonfinite".
    """
    found = session.landmarks.previous_nonfinite(session.iteration)
    if found is not None:
        return _stand(session, "prev-nonfinite", found)
    last = session.landmarks.previous_nonfinite(session.recording.last_iteration + 1)
    return _stand(session, "prev-nonfinite", last, _wrapped(session, last, "before", "last"))


@command("next-snapshot", group="move", keys=(("]", "next-snapshot", "snapshot"),))
def next_snapshot(session: Session) -> Result:
    """Stand on the next iteration that can be replayed.

    JSON: as `goto`, with "command":"next-snapshot".
    """
    return _at_snapshot(session, "next-snapshot", session.landmarks.next_snapshot(session.iteration), "after")


@command("prev-snapshot", group="move", keys=(("[", "prev-snapshot", ""),))
def prev_snapshot(session: Session) -> Result:
    """Stand on the iteration before that can be replayed.

    JSON: as `goto`, with "command":"prev-snapshot".
    """
    return _at_snapshot(session, "prev-snapshot", session.landmarks.previous_snapshot(session.iteration), "before")


def _to_bookmark(session: Session, name: str) -> None:
    places = session.bookmarks.places
    if name not in places:
        known = f" or a bookmark ({', '.join(places)})" if places else ""
        raise UsageError(f"iteration takes an integer or first-nonfinite{known}, not {name!r}", word=name)
    places[name].go(session)


def _stand(session: Session, name: str, found: NonFinite | None, note: str = "") -> Result:
    if found is None:
        patterns = session.ranks.exclusions.patterns
        raise UsageError(NONE_LEFT.format("  ".join(patterns)) if patterns else NONE_FOUND)
    session.stand_on(found)
    return moved(session, name, note)


def _wrapped(session: Session, found: NonFinite | None, side: str, which: str) -> str:
    if found is None or found.iteration == session.iteration:
        return ""
    return f"there is none {side} {session.iteration:,}; this is the {which}"


def _at_snapshot(session: Session, name: str, snapshot: SnapshotInfo | None, side: str) -> Result:
    if snapshot is None:
        kept = ", ".join(str(s.iteration) for s in session.recording.snapshots) or "none"
        raise UsageError(f"no snapshot {side} {session.iteration}; there are: {kept}")
    session.go_to(snapshot.iteration)
    return moved(session, name)
