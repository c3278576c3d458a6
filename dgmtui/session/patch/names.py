"""What a source file calls torch and its functions, and what it would have to import."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

FUNCTIONAL = "torch.nn.functional"
_USUAL = {"torch": "torch", "nn": "torch.nn", "F": FUNCTIONAL}


@dataclass
class Names:
    """Of one file."""

    known: Mapping[str, str]
    """``F`` → ``torch.nn.functional``, ``exp`` → ``torch.exp``: what its imports bind, and nothing binds again."""
    taken: frozenset[str] = frozenset()
    """Names that mean something else."""
    needed: set[str] = field(default_factory=set)
    """Lines that import what new code uses and the file does not know."""

    @classmethod
    def of(cls, tree: ast.Module) -> "Names":
        """As the file's imports say."""
        bound = frozenset(_bound(tree))
        return cls({name: full for name, full in _imported(tree) if name not in bound}, bound)

    @classmethod
    def usual(cls) -> "Names":
        """As most people write them, where only a line is known."""
        return cls(_USUAL)

    def full(self, node: ast.expr) -> str:
        """``torch.nn.functional.relu`` for ``F.relu``; empty where it is no name that an import begins."""
        first, dot, rest = _dotted(node).partition(".")
        return self.known[first] + dot + rest if first in self.known else ""

    def torch(self, function: str) -> str:
        """How to write a function of torch."""
        return self._write("torch", "torch", "import torch") + f".{function}"

    def functional(self, function: str) -> str:
        """How to write a function of ``torch.nn.functional``."""
        for whole in (FUNCTIONAL, "torch.nn", "torch"):
            if name := self._name_of(whole):
                return name + FUNCTIONAL.removeprefix(whole) + f".{function}"
        name = "functional" if "F" in self.taken else "F"
        return self._write(FUNCTIONAL, name, f"import {FUNCTIONAL} as {name}") + f".{function}"

    def import_after(self, tree: ast.Module) -> int:
        """After how many lines of the file an import can stand: the last import of its beginning, or its docstring."""
        last = 0
        for statement in tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or (last == 0 and _is_docstring(statement)):
                last = statement.end_lineno or statement.lineno
            elif last:
                break
        return last

    def _write(self, whole: str, name: str, line: str) -> str:
        if found := self._name_of(whole):
            return found
        self.needed.add(line)
        return name

    def _name_of(self, whole: str) -> str | None:
        return next((name for name, full in self.known.items() if full == whole), None)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _bound(tree: ast.Module) -> Iterator[str]:
    """Names that are given another meaning anywhere."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            inner = _dotted(value)
            return f"{inner}.{attr}" if inner else ""
    return ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
