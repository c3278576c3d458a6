"""What the word under the cursor may become, by what an argument ``Completes``; from the recording, without torch."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.session.scripts import names
from dgmtui.session.session import Session
from dgmtui.trace.graph import NodeRef

if TYPE_CHECKING:
    from dgmtui.trace.graph import Graph, Node

Completer = Callable[[Session, str, str], Iterable[str]]
"""From the session, the words before and the word under the cursor, whole words that the latter may become."""

_TOKEN = re.compile(r"(?:[\w.]|:(?=[\w.]*))*$")
_SETS = re.compile(r"(?:^|\s)[-+*/]?=(?:\s|$)")


def modules(session: Session, before: str, word: str) -> Iterable[str]:
    """Paths of modules."""
    return (module.path for module in session.recording.modules if module.path)


def scalars(session: Session, before: str, word: str) -> Iterable[str]:
    """What was logged, and the loss."""
    return ("loss", *session.recording.scalars)


def targets(session: Session, before: str, word: str) -> Iterable[str]:
    """What credit can be asked for: modules, ``nonfinite``, ``loss``, gradients of parameters."""
    graph = session.graph
    gradients = () if graph is None else (f"grad:{name}" for name in _outside(graph, "param"))
    return ("nonfinite", "loss", *_within(session, graph, word), *modules(session, before, word), *gradients)


def places(session: Session, before: str, word: str) -> Iterable[str]:
    """What gives out something that an edit can change: the root and modules."""
    graph = session.graph
    called = None if graph is None else {call.module for call in graph.calls if call.outputs}
    return (".", *(path for path in modules(session, before, word) if called is None or path in called))


def nodes(session: Session, before: str, word: str) -> Iterable[str]:
    """Numbers of the operations of the iteration."""
    graph = session.graph
    return () if graph is None else (str(node.id) for node in graph.nodes)


def expressions(session: Session, before: str, word: str) -> Iterable[str]:
    """Names and functions at the end of what has been typed of a word; ``at`` and iterations behind an expression."""
    from dgmtui.session.functions import FUNCTIONS

    done = before.split()
    if "at" in done or "--at" in done:
        return (*(str(snapshot.iteration) for snapshot in session.recording.snapshots), "all")
    found = _TOKEN.search(word)
    head = word[: found.start()] if found else word
    tail = [] if word or not _is_whole(before) else ["at"]
    names = (*tail, "loss", *_modules_in_expressions(session), *_tensors(session, gradients=True))
    return (head + name for name in (*names, *(f"{name}(" for name in FUNCTIONS)))


def conditions(session: Session, before: str, word: str) -> Iterable[str]:
    """What a condition goes on with: first a name or one of its parts, then a comparison, then what joins two."""
    from dgmtui.session.stops.completing import after

    return after(session, before, word)


def excludable(session: Session, before: str, word: str) -> Iterable[str]:
    """Modules and operations as patterns that are found in nothing else."""
    graph = session.graph
    ops = () if graph is None else dict.fromkeys(node.name for node in graph.nodes)
    paths = (module.path for module in session.recording.modules if module.path)
    return (*(f"^{re.escape(path)}$" for path in paths), *(f"{re.escape(op)}$" for op in ops))


def excluded(session: Session, before: str, word: str) -> Iterable[str]:
    """Patterns that stand."""
    return ("all", *session.ranks.exclusions.patterns)


def changes(session: Session, before: str, word: str) -> Iterable[str]:
    """Of ``set``: what comes from outside the iteration, a sign, then an expression."""
    graph = session.graph
    batch = [] if graph is None else [f"input[{place}]" for place in range(len(_outside(graph, "input")))]
    if _SETS.search(before):
        taken = expressions(session, _SETS.split(before)[-1], word)
        return (*batch, *(name for name in taken if name != "at"))
    if before.strip():
        return ("=", "+=", "-=", "*=", "/=")
    return (*batch, *_tensors(session, gradients=False))


def replacements(session: Session, before: str, word: str) -> Iterable[str]:
    """Of ``replace``: an operation of the trace, where it runs, and what can be put in."""
    from dgmtui.trace.unary import UNARY

    graph, done = session.graph, before.split()
    if not done:
        return (
            () if graph is None else dict.fromkeys(_short(node) for node in graph.nodes if _may_be_unary(graph, node))
        )
    if done[-1] == "with":
        return UNARY
    if "with" in done:
        return ()
    if done[-1] == "at":
        return () if graph is None else _running(graph, done[0])
    return ("at", "with") if len(done) == 1 else ("with",)


def units(session: Session, before: str, word: str) -> Iterable[str]:
    """Units of the module that is looked at."""
    return (*map(str, range(session.unit_count())), "all")


def iterations(session: Session, before: str, word: str) -> Iterable[str]:
    """Where ``goto`` leads: bookmarks and snapshots."""
    return (*session.bookmarks.places, *(str(snapshot.iteration) for snapshot in session.recording.snapshots))


def files(session: Session, before: str, word: str) -> Iterable[str]:
    """Files and folders that begin so."""
    folder, slash, begun = word.rpartition("/")
    where = Path(folder + slash).expanduser()
    try:
        found = sorted(where.iterdir() if folder or not slash else Path("/").iterdir())
    except OSError:
        return ()
    shown = (each for each in found if each.name.startswith(begun) and (begun or not each.name.startswith(".")))
    return [f"{folder}{slash}{each.name}{'/' if each.is_dir() else ''}" for each in shown]


def scripts(session: Session | None, before: str, word: str) -> Iterable[str]:
    """Scripts that have a name."""
    return names()


COMPLETERS: Mapping[str, Completer] = {
    "module": modules,
    "scalar": scalars,
    "target": targets,
    "place": places,
    "node": nodes,
    "expression": expressions,
    "condition": conditions,
    "excludable": excludable,
    "excluded": excluded,
    "change": changes,
    "replacement": replacements,
    "unit": units,
    "goto": iterations,
    "file": files,
    "script": scripts,
}
"""By the name that ``Completes`` gives."""


def _within(session: Session, graph: "Graph | None", word: str) -> Iterable[str]:
    """Units behind ``MODULE[``, nodes behind ``node:``."""
    if word.startswith("node"):
        return () if graph is None else (f"node:{node.id}" for node in graph.nodes)
    module, bracket, _ = word.partition("[")
    counts = [c.units for c in session.recording.channels if c.module == module] if bracket else []
    return (f"{module}[{unit}]" for unit in range(max(counts, default=0)))


def _is_whole(text: str) -> bool:
    """Whether an expression could end here."""
    return bool(text.strip()) and text.count("(") == text.count(")") and text.strip()[-1] not in "+-*/%<>=&|^~,(["


def _modules_in_expressions(session: Session) -> Iterable[str]:
    """A path that begins with a number needs its kind before it."""
    return (path if not path[0].isdigit() else f"module:{path}" for path in modules(session, "", ""))


def _tensors(session: Session, *, gradients: bool) -> Iterable[str]:
    graph = session.graph
    if graph is None:
        return
    yield from (name for kind in ("input", "param", "buffer") for name in _outside(graph, kind, whole=True))
    if gradients:
        yield from (f"grad:{name}" for name in _outside(graph, "param"))


def _outside(graph: "Graph", kind: str, *, whole: bool = False) -> list[str]:
    names = [n for n in graph.outside if n.startswith(kind + ":") and not n.startswith("input:literal")]
    return names if whole else [name.partition(":")[2] for name in names]


def _running(graph: "Graph", op: str) -> Iterable[str]:
    """Modules that run an operation, themselves or in one within, or give it its input; and the nodes that are one."""
    nodes = [node for node in graph.nodes if _short(node) == op.removesuffix("_")]
    feeding = [graph.nodes[ref.node] for node in nodes for ref in node.inputs() if isinstance(ref, NodeRef)]
    found = {graph.module_of(node) for node in (*nodes, *feeding)}
    paths = dict.fromkeys(call.module for call in graph.calls if call.module)
    inside = [path for path in paths if any(name == path or name.startswith(path + ".") for name in found)]
    return (".", *inside, *(f"node:{node.id}" for node in nodes))


def _may_be_unary(graph: "Graph", node: "Node") -> bool:
    """One floating tensor in, one of the same shape and dtype out; torch would know for certain."""
    refs = list(node.inputs())
    if len(refs) != 1 or node.random or len(node.outs) != 1 or node.outs[0] is None or _short(node) in _NO_ARITHMETIC:
        return False
    taken, given = graph.meta(refs[0]), node.outs[0]
    return "float" in taken.dtype and (taken.dtype, taken.shape) == (given.dtype, given.shape)


_NO_ARITHMETIC = frozenset(
    "view reshape _unsafe_view expand slice select as_strided t transpose permute detach squeeze unsqueeze alias "
    "_softmax _log_softmax cumsum cumprod flip roll sort unfold".split()
)


def _short(node: "Node") -> str:
    return node.op.removeprefix("aten.").partition(".")[0].removesuffix("_")
