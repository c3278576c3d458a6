"""What a person does with the network tree: collapse, open, see what is unhealthy only, look for a name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.tree import Standpoint

if TYPE_CHECKING:
    from dgmtui.session.session import Session


@dataclass(frozen=True)
class Match:
    """A module that a search came to."""

    text: str
    path: str
    number: int
    """Which of all, from 1."""
    count: int
    wrapped: bool
    """The search went on around the end (or the beginning)."""


def standpoint(session: "Session") -> Standpoint:
    """What the tree of a session is drawn for."""
    findings = session.ranks.findings(quick=True)
    return Standpoint(session.iteration, session.module, session.unit, findings)


def collapse(session: "Session", path: str) -> None:
    """Hide what a module contains, and its units; what is looked at inside gives way to the module.

    Raises:
        UsageError: there is no such module, or nothing of it is open.
    """
    place, folds = _place(session, path), session.folds
    outline = session.tree.outline
    showed_units = path in folds.units
    if showed_units:
        _hide_units(session, path)
    if not outline.is_parent(place):
        if showed_units:
            return
        raise UsageError(f"{_name(path)} contains no modules; `expand --units` shows its units")
    folds.collapsed.add(path)
    here = outline.place.get(session.module)
    if here is not None and place in outline.ancestors(here):
        session.select_module(path)


def expand(session: "Session", path: str, *, units: bool = False, deep: bool = False) -> None:
    """Show what a module contains; with ``units`` its units too, with ``deep`` all that is within.

    Raises:
        UsageError: there is no such module, or it has no recorded units.
    """
    place, folds = _place(session, path), session.folds
    outline = session.tree.outline
    if units and not session.tree.unit_count(place):
        raise UsageError(f"no units of {_name(path)} were recorded")
    within = range(place, outline.end[place] if deep else place + 1)
    folds.collapsed.difference_update(outline.modules[i].path for i in within)
    folds.reveal(outline, place)
    if units:
        folds.units.add(path)


def toggle(session: "Session", path: str, *, units: bool = False) -> bool:
    """Collapse a module that is open, open one that is not; the units of one that contains no modules.

    Returns:
        Whether it is open now.

    Raises:
        UsageError: there is no such module, or nothing in it.
    """
    place, folds = _place(session, path), session.folds
    units = units or not session.tree.outline.is_parent(place)
    if units and path in folds.units:
        _hide_units(session, path)
        return False
    if not units and path not in folds.collapsed:
        collapse(session, path)
        return False
    expand(session, path, units=units)
    return True


def only_unhealthy(session: "Session") -> list[tuple[str, str]]:
    """Show what is unhealthy at the cursor and what contains it, or everything again.

    Returns:
        Path and ailment of what is unhealthy, worst first.

    Raises:
        UsageError: nothing is.
    """
    at, tree, folds = standpoint(session), session.tree, session.folds
    tree.begin(at)
    health = tree.health(at.findings)
    ill = health.ill(at.iteration)
    if not ill and not folds.ill_only:
        raise UsageError(f"no module is unhealthy at iteration {at.iteration:,}; all stay shown")
    folds.ill_only = not folds.ill_only
    if folds.ill_only:
        for place in ill:
            folds.reveal(tree.outline, place)
    return [(tree.outline.modules[place].path, health.words(place, at.iteration)) for place in ill]


def search(session: "Session", text: str, step: int = 1) -> Match:
    """Look at the next module (or the one before) whose path or type holds ``text``, around the end.

    Args:
        text: in either case; empty: what was looked for last.

    Raises:
        UsageError: none does, or nothing was looked for yet.
    """
    text = text or session.folds.sought
    if not text:
        raise UsageError("nothing was looked for yet; `search TEXT` looks for a part of a path or type")
    session.folds.sought = text
    outline, wanted = session.tree.outline, text.lower()
    found = [i for i, m in enumerate(outline.modules) if wanted in f"{m.path} {m.type}".lower()]
    if not found:
        raise UsageError(f"no module holds {text!r} in its path or type")
    here = outline.place.get(session.module, -1)
    beyond = [i for i in found if (i > here if step > 0 else i < here)]
    place = (beyond or found)[0 if step > 0 else -1]
    session.tree.begin(standpoint(session))
    session.select_module(outline.modules[place].path)
    return Match(text, session.module, found.index(place) + 1, len(found), wrapped=not beyond and here >= 0)


def _place(session: "Session", path: str) -> int:
    session.tree.begin(standpoint(session))
    place = session.tree.outline.place.get(path)
    if place is None:
        session.recording.module(path)
        raise UsageError(f"there is no module {path!r} in the tree")
    return place


def _hide_units(session: "Session", path: str) -> None:
    """A unit that is looked at gives way to its module."""
    session.folds.units.discard(path)
    if session.module == path:
        session.select_unit(None)


def _name(path: str) -> str:
    return path or "the root module"
