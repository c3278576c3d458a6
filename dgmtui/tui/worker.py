"""The one place where the session works: in a thread, a command line after another, with messages as the answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from dgmtui.commands.describe import where_line
from dgmtui.commands.registry import Registry
from dgmtui.errors import DgmtuiError
from dgmtui.session.session import Session
from dgmtui.session.view import View
from dgmtui.tui.messages import Answer, Answered, Grown, Looked, Refined

if TYPE_CHECKING:
    from collections import deque

STEPS = ("step", "back")
SHOWING = frozenset("findings explain credit chain maps samples clusters graph replay inputs outputs list".split())
"""Lines of keys that show what is there: again, they show it again."""
Post = Callable[[Message], object]


def drain(session: Session, registry: Registry, pending: "deque[tuple[str, bool]]", post: Post) -> None:
    """Run the pending lines ``(line, typed)`` and answer once: keys pressed faster than the session works are drawn
    once. Nothing is raised; a failure is an answer in words."""
    answers = []
    while pending:
        try:
            line, typed = taken(pending)
        except IndexError:  # given up meanwhile, in the screen's thread
            break
        answers.append(_answer(session, registry, line, typed))
    with session.lock:  # views arrive in the order in which the session changed
        view, error = _view(session)
        if error := error or session.files.news():
            answers.append(Answer("view", None, error))
        post(Answered(tuple(answers), view))


def taken(pending: "deque[tuple[str, bool]]") -> tuple[str, bool]:
    """The next line, and with it those that follow and come to the same: a key that is held down is one long step or
    one look, and of modules that are passed by only the last is looked at."""
    line, typed = pending.popleft()
    if not typed and line in SHOWING:
        while pending and pending[0] == (line, False):
            pending.popleft()
        return line, typed
    verb, _, count = line.partition(" ")
    if typed or not (verb == "module" or (verb in STEPS and (count.isdecimal() or not count))):
        return line, typed
    total = int(count or 1) if verb in STEPS else 0
    while pending and not pending[0][1] and pending[0][0].partition(" ")[0] == verb:
        following = pending[0][0].partition(" ")[2]
        if verb == "module":
            line = pending[0][0]
        elif following.isdecimal() or not following:
            total += int(following or 1)
            line = f"{verb} {total}"
        else:
            break
        pending.popleft()
    return line, typed


def look(session: Session, post: Post, given_up: Callable[[], bool]) -> None:
    """Find what needs a replay, unless something else is asked for by then. torch is loaded without the session's
    lock, so that commands run meanwhile."""
    try:
        session.prepare()
        with session.lock:
            if given_up():
                post(Looked(None))
                return
            session.ranks.findings()
            said = where_line(session) if session.settle() else ""
            post(Looked(*_view(session), said))
    except DgmtuiError as error:
        post(Looked(None, str(error)))
    except Exception as error:  # whatever went wrong, the screen stays up and says so
        post(Looked(None, _unexpected("findings", error)))


def refine(session: Session, post: Post) -> None:
    """Sample for the dynamics chart without the session's lock, so that commands run meanwhile."""
    error = ""
    try:
        session.refine_chart()
    except Exception as defect:  # whatever went wrong, the screen stays up and says so
        error = _unexpected("dynamics", defect)
    with session.lock:  # views arrive in the order in which the session changed
        view, failed = _view(session)
        post(Refined(view, error or failed))


def take_in(session: Session, post: Post) -> None:
    """Take in what the run has recorded since."""
    try:
        with session.lock:
            if session.refresh():
                post(Grown(*_view(session), session.stops.take_said()))
            else:
                post(Grown(None))
    except DgmtuiError as error:
        post(Grown(None, str(error)))
    except Exception as error:  # whatever went wrong, the screen stays up and says so
        post(Grown(None, _unexpected("follow", error)))


def _answer(session: Session, registry: Registry, line: str, typed: bool) -> Answer:
    try:
        result = registry.run(session, line)
    except DgmtuiError as error:
        return Answer(line, None, str(error), typed, error.line, error.at)
    except Exception as error:  # whatever went wrong, the screen stays up and says so
        return Answer(line, None, _unexpected(line, error), typed)
    return Answer(line, result, "", typed)


def _view(session: Session) -> tuple[View | None, str]:
    try:
        return session.view(), ""
    except DgmtuiError as error:
        return None, str(error)
    except Exception as error:  # whatever went wrong, the screen stays up and says so
        return None, _unexpected("view", error)


def _unexpected(line: str, error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"{line}: {type(error).__name__}: {text} (a defect in dgmtui; please report it)"
