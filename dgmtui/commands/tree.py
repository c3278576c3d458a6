"""Commands on the network tree: what of it is open, what is unhealthy in it, where a name is."""

from dgmtui.commands.grammar import ModulePath, Rest
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.session import browsing
from dgmtui.session.session import Session

_LISTED = 3


@command("fold", group="look", keys=(("space", "fold", ""), ("*", "fold --units", "units")))
def fold(session: Session, path: ModulePath = "", *, units: bool = False) -> Result:
    """Collapse a module in the tree, or open it if it is collapsed.

    Without a path, it is the one looked at.

    A module that contains no modules opens to its units, and so does any with --units.

    JSON: {"command":"fold","module","open","units"}: whether it is open now, and how many units it shows.
    """
    path = _path(session, path)
    browsing.toggle(session, path, units=units)
    return _folded(session, "fold", path)


@command("collapse", group="look")
def collapse(session: Session, path: ModulePath = "") -> Result:
    """Hide in the tree what a module contains; without a path, the one looked at.

    Its mark is then the worst of all below it, as it is of every module.

    JSON: as `fold`, with "command":"collapse".
    """
    path = _path(session, path)
    browsing.collapse(session, path)
    return _folded(session, "collapse", path)


@command("expand", group="look")
def expand(session: Session, path: ModulePath = "", *, units: bool = False, deep: bool = False) -> Result:
    """Show in the tree what a module contains; without a path, the one looked at.

    --units shows its units too, --deep everything within it.

    JSON: as `fold`, with "command":"expand".
    """
    path = _path(session, path)
    browsing.expand(session, path, units=units, deep=deep)
    return _folded(session, "expand", path)


@command("unhealthy", group="look", keys=(("v", "unhealthy", "unhealthy"),))
def unhealthy(session: Session) -> Result:
    """Show in the tree only modules with an error or a warning, and what contains them; again: all.

    JSON: {"command":"unhealthy","only","modules":[{"module","what"}…]}: whether only they are shown now, and which
    they are at the cursor, worst first.
    """
    ill = browsing.only_unhealthy(session)
    only, total = session.folds.ill_only, len(session.tree.outline)
    listed = ", ".join(f"{path or 'root'} ({what})" for path, what in ill[:_LISTED])
    more = ", …" if len(ill) > _LISTED else ""
    text = (
        f"{len(ill):,} of {total:,} modules unhealthy: {listed}{more}" if only else f"all {total:,} modules are shown"
    )
    data = {"only": only, "modules": [{"module": path, "what": what} for path, what in ill]}
    return Result("unhealthy", data, (Text(text),))


@command("search", group="look")
def search(session: Session, text: Rest = "") -> Result:
    """Look at the next module whose path or type holds TEXT; without, go on with the last TEXT.

    Modules inside a collapsed one are found too, and shown.

    JSON: {"command":"search","text","module","match","matches"}: the module found, which of how many it is.
    """
    return _found("search", browsing.search(session, text))


@command("search-next", group="look", keys=(("ctrl+n", "search-next", ""),))
def search_next(session: Session) -> Result:
    """Look at the next module that holds what `search` looked for.

    After the last one it is the first again.

    JSON: as `search`, with "command":"search-next".
    """
    return _found("search-next", browsing.search(session, ""))


@command("search-previous", group="look", keys=(("ctrl+o", "search-previous", ""),))
def search_previous(session: Session) -> Result:
    """Look at the module before this one that holds what `search` looked for.

    Before the first one it is the last again.

    JSON: as `search`, with "command":"search-previous".
    """
    return _found("search-previous", browsing.search(session, "", -1))


def _path(session: Session, path: str) -> str:
    return "" if path == "." else path or session.module


def _folded(session: Session, name: str, path: str) -> Result:
    folds = session.folds
    opened, shown = path not in folds.collapsed, path in folds.units
    units = session.tree.unit_count(session.tree.outline.place[path]) if shown else 0
    what = f"{path or 'the root module'} is {'open' if opened else 'collapsed'}"
    return Result(name, {"module": path, "open": opened, "units": units}, (Text(what + _units_words(units)),))


def _units_words(units: int) -> str:
    return f", {units:,} unit{'s' * (units != 1)} shown" if units else ""


def _found(name: str, match: browsing.Match) -> Result:
    around = ", from the other end again" if match.wrapped else ""
    text = f"{match.path or 'the root module'}: {match.number} of {match.count} that hold {match.text!r}{around}"
    data = {"text": match.text, "module": match.path, "match": match.number, "matches": match.count}
    return Result(name, data, (Text(text),))
