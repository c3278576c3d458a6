"""Thresholds as a person sees and changes them: what each means, where it is from, and which detectors use it."""

import ast
import inspect
import re
import sys
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import dgmtui.findings.detectors
import dgmtui.findings.motifs.finding  # noqa: F401  (importing declares the one and makes the other known)
from dgmtui.errors import UsageError
from dgmtui.findings import thresholds
from dgmtui.findings.causes import folding
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.recording.names import nearest

_IMPORT = re.compile(r"^from (dgmtui\.findings[\w.]*) import", re.MULTILINE)
ROOT_CAUSES = "root causes"
PATTERNS = "patterns"
"""What uses thresholds and is no detector."""


@dataclass(frozen=True)
class Threshold:
    """One number that decides whether something is a finding."""

    name: str
    default: float
    meaning: str
    """What it decides, and where it is from."""
    used_by: tuple[str, ...]
    """Detectors, ``root causes`` where it decides what follows from what, and the command ``patterns``."""


@cache
def known_thresholds() -> tuple[Threshold, ...]:
    """All of them, in the order of their definition."""
    meanings = _meanings()
    return tuple(
        Threshold(each.name, getattr(DEFAULT, each.name), meanings.get(each.name, ""), _users(each.name))
        for each in fields(Thresholds)
    )


def adjusted(present: Thresholds, name: str, value: str) -> Thresholds:
    """``present`` with one threshold changed; ``value`` may be ``default``.

    Raises:
        UsageError: there is no such threshold, or it can't have that value.
    """
    default = getattr(DEFAULT, name, None) if name in {each.name for each in fields(Thresholds)} else None
    if default is None:
        raise UsageError(f"no threshold {name!r}{nearest(name, [each.name for each in fields(Thresholds)])}")
    changed: dict[str, Any] = {name: default if value == "default" else _number(name, value, default)}
    return replace(present, **changed)


def _number(name: str, text: str, default: float) -> float:
    kind = int if isinstance(default, int) else float
    try:
        value = kind(text)
    except ValueError:
        value = kind(-1)
    if not 0 <= value < float("inf"):
        expected = "a whole number from 0" if kind is int else "a number from 0"
        raise UsageError(f"{name} has to be {expected}, or `default` ({default:g}); not {text!r}")
    return value


def _meanings() -> dict[str, str]:
    """The string below each field; one that goes on from the field before begins with that one's."""
    (defined,) = ast.parse(inspect.getsource(Thresholds)).body
    assert isinstance(defined, ast.ClassDef)
    found: dict[str, str] = {}
    name, before = "", ""
    for statement in defined.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            own = " ".join(str(statement.value.value).split())
            found[name] = f"{before} {own}" if before.endswith((",", ";")) else own
            before = found[name]
    return found


def _users(name: str) -> tuple[str, ...]:
    used = re.compile(rf"\.{name}\b")
    modules = {detector.name: _with_imports(detector.detect.__module__) for detector in DETECTORS.values()}
    modules[ROOT_CAUSES] = frozenset({"dgmtui.findings.causes.links"})
    modules[PATTERNS] = _with_imports("dgmtui.findings.motifs.finding")
    return tuple(who for who, names in modules.items() if any(used.search(_source(module)) for module in names))


@cache
def _with_imports(module: str) -> frozenset[str]:
    """A module of the findings and those that it takes functions from, directly or through others."""
    found, waiting = {module}, [module]
    while waiting:
        for name in _IMPORT.findall(_source(waiting.pop())):
            if name not in found and name not in (thresholds.__name__, folding.__name__):
                found.add(name)
                waiting.append(name)
    return frozenset(found)


@cache
def _source(module: str) -> str:
    return inspect.getsource(sys.modules[module]) if module in sys.modules else ""
