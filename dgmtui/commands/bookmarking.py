"""Commands that keep a place under a name, and a sentence at an iteration."""

from typing import Annotated

from dgmtui.commands.grammar import Remaining
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.session.session import Session

NoteText = Annotated[str, Remaining()]


@command("bookmark", group="session", keys=(("b", "bookmark", ""),))
def bookmark(session: Session, name: str = "") -> Result:
    """Keep the present iteration, module, unit and sample under a name; `goto NAME` goes there again.

    Without a name it is b1, b2 and so on.

    JSON: {"command":"bookmark","name","iteration","module","unit","sample"}.
    """
    name = session.bookmarks.add(session, name)
    data = {"name": name, **_place(session, name)}
    return Result("bookmark", data, (Text(f"bookmark {name}: {_words(session, name)}; `goto {name}` goes there"),))


@command("note", group="session", keys=(("M", "note ", ""),))
def note(session: Session, text: NoteText) -> Result:
    """Note something at the present iteration: it is kept in the script and printed in the report.

    JSON: {"command":"note","iteration","text"}.
    """
    session.bookmarks.note(session.iteration, text)
    data = {"iteration": session.iteration, "text": text}
    return Result("note", data, (Text(f"noted at iteration {session.iteration:,}: {text}"),))


@command("bookmarks", group="session")
def bookmarks(session: Session) -> Result:
    """List bookmarks and notes.

    JSON: {"command":"bookmarks","bookmarks":[{"name","iteration","module","unit","sample"}…],
    "notes":[{"iteration","text"}…]}.
    """
    kept = session.bookmarks
    data = {
        "bookmarks": [{"name": name, **_place(session, name)} for name in kept.places],
        "notes": [{"iteration": each.iteration, "text": each.text} for each in kept.notes],
    }
    return Result("bookmarks", data, bookmark_blocks(session) or (Text("no bookmark, no note: `b` sets one here"),))


def bookmark_blocks(session: Session) -> tuple[Block, ...]:
    """Both as tables; nothing where there are none."""
    kept = session.bookmarks
    places = tuple((name, place.iteration, place.place) for name, place in kept.places.items())
    notes = tuple((each.iteration, each.text) for each in kept.notes)
    return (
        *((Table(("bookmark", "iteration", "place"), places),) if places else ()),
        *((Table(("iteration", "note"), notes, below=True),) if notes else ()),
    )


def _place(session: Session, name: str) -> dict[str, object]:
    place = session.bookmarks.places[name]
    return {"iteration": place.iteration, "module": place.module, "unit": place.unit, "sample": place.sample}


def _words(session: Session, name: str) -> str:
    place = session.bookmarks.places[name]
    return f"iteration {place.iteration:,}, {place.place if place.place != '.' else 'the root module'}"
