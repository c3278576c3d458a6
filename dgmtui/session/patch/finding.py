"""The expressions of a source line that can have run an operation, in the order in which Python evaluates them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from dgmtui.session.patch.files import Code
from dgmtui.session.patch.names import Names

_OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add, "mul": ast.Mult, "sub": ast.Sub, "rsub": ast.Sub, "div": ast.Div, "reciprocal": ast.Div,
    "pow": ast.Pow,
}  # fmt: skip
_SPELLINGS = {
    "abs": ("absolute",), "add": ("add",), "clamp": ("clip",), "clamp_max": ("clamp", "clip"),
    "clamp_min": ("clamp", "clip"), "div": ("divide", "true_divide"), "hardtanh": ("relu6",), "mul": ("multiply",),
    "neg": ("negative",), "pow": ("square", "float_power"), "sub": ("subtract",),
}  # fmt: skip
"""Further names of an operation in Python."""
_OPEN = (ast.Return, ast.Assign, ast.AnnAssign, ast.Expr, ast.keyword, ast.Tuple, ast.List)


@dataclass(frozen=True)
class Found:
    """One expression that runs the operation."""

    node: ast.expr
    operand: ast.expr | None
    """The tensor that it takes; None where that is one of two."""
    is_open: bool
    """An operator can be put behind it without parentheses around the whole."""


def operations(code: Code, line: int, op: str, others: int) -> list[Found]:
    """The expressions that can have run ``op`` at a line.

    Args:
        line: as recorded.
        op: ``exp``, without a trailing underscore.
        others: how many arguments beside the tensor the operation was traced with.
    """
    here = code.here(line)
    return [
        Found(node, _operand(node, code.names), _is_open(node, parent))
        for node, parent in _evaluated(code.tree(), None)
        if here in _lines_of(node) and _runs(node, op, others, code.names)
    ]


def module_calls(code: Code, line: int, path: str) -> list[Found]:
    """The calls at a line of what can be the module ``path``: ``self.xv(h)`` of ``dec.xv``."""
    here, last = code.here(line), path.rpartition(".")[2]
    return [
        Found(node, None, _is_open(node, parent))
        for node, parent in _evaluated(code.tree(), None)
        if isinstance(node, ast.Call) and here in _lines_of(node) and _names_module(node.func, path, last)
    ]


def returned(code: Code, line: int) -> ast.expr | None:
    """What the function around a line returns, if it has one ``return`` and that gives one value."""
    here = code.here(line)
    around = [
        node
        for node in ast.walk(code.tree())
        if isinstance(node, ast.FunctionDef) and node.lineno <= here <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return None
    function = max(around, key=lambda node: node.lineno)
    returns = [node for node in _own(function) if isinstance(node, ast.Return)]
    only = returns[0].value if len(returns) == 1 else None
    return None if isinstance(only, ast.Tuple | ast.List | ast.Dict) else only


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """What is in a function and in no function within it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield node
            yield from _own(node)


def _evaluated(node: ast.AST, parent: ast.AST | None) -> Iterator[tuple[ast.expr, ast.AST | None]]:
    for child in ast.iter_child_nodes(node):
        yield from _evaluated(child, node)
    if isinstance(node, ast.expr):
        yield node, parent


def _lines_of(node: ast.expr) -> tuple[int, ...]:
    """The lines that a traceback may give: an expression's first, or where a call's attribute stands."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.lineno, node.func.end_lineno or node.lineno
    return (node.lineno,)


def _runs(node: ast.expr, op: str, others: int, names: Names) -> bool:
    match node:
        case ast.BinOp(op=operator):
            return isinstance(operator, _OPERATORS.get(op, ast.MatMult))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return op == "neg" and not isinstance(operand, ast.Constant)
        case ast.Call(func=ast.Name(id="abs")) if op == "abs":
            return True
        case ast.Call(func=func, args=args):
            spelled = (op, *_SPELLINGS.get(op, ()))
            if full := names.full(func):
                return full.startswith("torch.") and full.rpartition(".")[2].removesuffix("_") in spelled
            return (
                isinstance(func, ast.Attribute)
                and func.attr.removesuffix("_") in spelled
                and len(args) <= others
                and not (isinstance(func.value, ast.Name) and func.value.id in ("self", "math"))
            )
    return False


def _operand(node: ast.expr, names: Names) -> ast.expr | None:
    match node:
        case ast.BinOp(left=left, op=ast.Pow()):
            return left
        case ast.BinOp(left=left, right=right):
            numbers = [_is_number(left), _is_number(right)]
            return None if numbers[0] == numbers[1] else right if numbers[0] else left
        case ast.UnaryOp(operand=operand):
            return operand
        case ast.Call(func=func, args=args, keywords=keywords):
            if isinstance(func, ast.Attribute) and not names.full(func):
                return func.value
            given = [k.value for k in keywords if k.arg == "input"]
            return next((item for item in (*args, *given) if not isinstance(item, ast.Starred)), None)
    return None


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _names_module(func: ast.expr, path: str, last: str) -> bool:
    match func:
        case ast.Attribute(attr=attr):
            return attr == last
        case ast.Subscript(value=ast.Attribute(attr=attr), slice=ast.Constant(value=place)):
            return path.split(".")[-2:] == [attr, str(place)]
    return False


def _is_open(node: ast.expr, parent: ast.AST | None) -> bool:
    return isinstance(parent, _OPEN) or (isinstance(parent, ast.Call) and node in parent.args)
