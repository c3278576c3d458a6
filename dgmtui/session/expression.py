"""``print``'s expressions: tensors of a replay by name, arithmetic and reductions. Parsed with ``ast``, walked by a
whitelist of our own; nothing is ever handed to Python to run.
"""

import ast
import difflib
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.session.functions import FUNCTIONS, LARGEST, check_size
from dgmtui.session.parsing import parse_expression
from dgmtui.session.summary import Value

if TYPE_CHECKING:
    import torch

LONGEST = 1000
"""Characters; a longer expression is refused, so that parsing it can't exhaust the stack."""
MARK = "▸"
"""Stands before the part of an expression that an error is about."""

_REFERENCE = re.compile(
    r"(?P<kind>node|input|param|buffer|grad|module):(?P<name>[^\s()\[\]+*/%<>=!,@&|~^]+)"
    r"|(?P<path>[^\W\d]\w*(?:\.\w+)*)"
)
_PICK = re.compile(r"\[\s*(?P<unit>\d+)\s*\](?:@(?P<sample>\d+))?|@(?P<only>\d+)")
_FIRST_PLACEHOLDER = 0x4E00

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_MADE_OF = (
    "an expression is made of tensors, numbers, + - * / // % **, comparisons, & | ^ ~, [indices] and functions "
    "(`help print` lists them)"
)


@dataclass(frozen=True)
class Reference:
    """A tensor named in an expression."""

    kind: str
    """``module``, ``node``, ``input``, ``param``, ``buffer``, ``grad`` or ``loss``."""
    name: str
    unit: int | None
    sample: int | None


@dataclass
class _Parsed:
    """An expression with each tensor's name, which need not be Python, replaced by one that is and is as long."""

    text: str
    names: dict[str, Reference] = field(default_factory=dict)

    def pointing(self, node: ast.AST) -> str:
        """The expression with a mark before the part that ``node`` is of."""
        column = getattr(node, "col_offset", 0)
        before = len(self.python.encode()[:column].decode(errors="ignore"))
        return f"{self.text[:before]}{MARK}{self.text[before:]}"

    def __post_init__(self) -> None:
        pieces, end, text = [], 0, self.text
        for match in _REFERENCE.finditer(text):
            path = match["path"]
            if match.start() < end or (path and path in FUNCTIONS and text[match.end() :].lstrip().startswith("(")):
                continue
            if match.start() and re.match(r"[\w.]", text[match.start() - 1]):
                continue
            kind = match["kind"] or ("loss" if path == "loss" else "module")
            pick = _PICK.match(text, match.end()) if kind == "module" else None
            unit = pick["unit"] if pick else None
            sample = (pick["sample"] or pick["only"]) if pick else None
            begin, last = end, pick.end() if pick else match.end()
            key = chr(_FIRST_PLACEHOLDER + len(self.names)) + "_" * (last - match.start() - 1)
            self.names[key] = Reference(kind, match["name"] or path, _number(unit), _number(sample))
            pieces += [text[begin : match.start()], key]
            end = last
        self.python = "".join([*pieces, text[end:]])


def evaluate(text: str, lookup: "Callable[[Reference], torch.Tensor]") -> Value:
    """The value of an expression.

    Args:
        lookup: the tensor that a reference names; raises UsageError if none does.

    Raises:
        UsageError: it does not parse, names what does not exist, or uses what is not offered.
    """
    if len(text) > LONGEST:
        raise UsageError(f"the expression is longer than {LONGEST} characters")
    parsed = _Parsed(" ".join(text.split()))
    try:
        tree = parse_expression(parsed.python)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _plain(_Walk(parsed, lookup).value(tree))
    except SyntaxError as error:
        raise UsageError(f"{text!r} is no expression ({error.msg}); try `print mean(MODULE)`") from error
    except DgmtuiError:
        raise
    except _CAN_FAIL as error:
        raise UsageError(f"{text!r} can't be computed: {_reason(error)}") from error


def _plain(value: Any) -> Value:
    """A number that a tensor can hold."""
    if isinstance(value, complex):
        raise ValueError("the value is complex")
    plain: Value = float(value) if isinstance(value, int) and abs(value) >= 2**63 else value
    return plain


_CAN_FAIL = (ValueError, TypeError, ArithmeticError, IndexError, RuntimeError, RecursionError, MemoryError)


def place(text: str) -> tuple[Reference, tuple[Any, ...]]:
    """The tensor that ``text`` names, and the indices behind it: whole numbers, slices and tuples of them.

    Raises:
        UsageError: it is no tensor's name with indices in brackets.
    """
    parsed = _Parsed(" ".join(text.split()))
    indices: list[Any] = []
    try:
        node = parse_expression(parsed.python)
        while isinstance(node, ast.Subscript):
            indices.insert(0, _Walk(parsed, _no_tensor).index(node.slice))
            node = node.value
    except (SyntaxError, *_CAN_FAIL) as error:
        raise UsageError(f"{text!r} is no tensor's name, or one with [indices]") from error
    if not isinstance(node, ast.Name) or node.id not in parsed.names:
        raise UsageError(f"{text!r} is no tensor's name, or one with [indices]")
    return parsed.names[node.id], tuple(indices)


def _no_tensor(reference: Reference) -> Any:
    raise UsageError("an index is a whole number or a slice")


def _reason(error: BaseException) -> str:
    if isinstance(error, OverflowError):
        return "the number is too large"
    return next(iter(str(error).splitlines()), type(error).__name__)


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


@dataclass(frozen=True)
class _Walk:
    """The walk over a parsed expression."""

    parsed: _Parsed
    lookup: "Callable[[Reference], torch.Tensor]"

    def value(self, node: ast.AST) -> Any:
        """What a part of it gives; ``UsageError`` where it is no expression, or can't be computed."""
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return value
            case ast.Name(id=name):
                return self._tensor(node, name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS or isinstance(op, ast.Pow):
                compute = _power if isinstance(op, ast.Pow) else _OPERATORS[type(op)]
                operands = self.value(left), self.value(right)
                with self._at(node):
                    return _together(compute, *operands)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                inverted = self.value(operand)
                with self._at(node):
                    return not inverted if isinstance(inverted, bool) else ~inverted
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self.value(operand))
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _OPERATORS for op in ops):
                return self._compared(node, [left, *others], ops)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                given = [self.value(argument) for argument in arguments]
                with self._at(node):
                    return FUNCTIONS[name].call(name, given)
            case ast.Call(func=ast.Name(id=name)) if name in self.parsed.names:
                raise UsageError(self._unknown_function(node, self.parsed.names[name].name))
            case ast.Subscript(value=value, slice=index):
                whole, picked = self.value(value), self.index(index)
                with self._at(index):
                    return _part(whole, picked)
        raise UsageError(f"{_MADE_OF}: {self.parsed.pointing(node)}")

    def index(self, node: ast.AST) -> Any:
        """What stands in brackets; ``UsageError`` where nothing is indexed by such a thing."""
        match node:
            case ast.Tuple(elts=items):
                return tuple(self.index(item) for item in items)
            case ast.List(elts=items):
                return [self._whole(item) for item in items]
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self._whole(part) for part in (lower, upper, step)))
        value = self.value(node)
        if isinstance(value, int) or _picks(value):
            return value
        raise UsageError(f"an index is a whole number, a slice, a list or a mask: {self.parsed.pointing(node)}")

    def _whole(self, node: ast.AST) -> int:
        value = self.value(node)
        if not isinstance(value, int):
            raise UsageError("an index is a whole number or a slice")
        return value

    def _compared(self, node: ast.AST, parts: list[ast.expr], ops: list[ast.cmpop]) -> Any:
        values = [self.value(part) for part in parts]
        result: Any = True
        with self._at(node):
            for op, left, right in zip(ops, values, values[1:], strict=False):
                one = _together(_OPERATORS[type(op)], left, right)
                result = one if result is True else _together(operator.and_, result, one)
        return result

    def _tensor(self, node: ast.AST, name: str) -> Any:
        """Python takes some letters for parts of a name that no tensor's name has, as in ``A·``."""
        if name not in self.parsed.names:
            raise UsageError("it holds a name that no tensor has")
        try:
            return self.lookup(self.parsed.names[name])
        except UsageError as error:
            if len(name) == len(self.parsed.text):
                raise
            raise UsageError(f"{error}: {self.parsed.pointing(node)}") from error

    def _unknown_function(self, node: ast.AST, name: str) -> str:
        near = difflib.get_close_matches(name, FUNCTIONS, n=1)
        hint = f"; did you mean {near[0]}" if near else " (`help print` lists them)"
        return f"{name!r} is no function{hint}: {self.parsed.pointing(node)}"

    @contextmanager
    def _at(self, node: ast.AST) -> Iterator[None]:
        """What goes wrong within is said with the place."""
        try:
            yield
        except UsageError as error:
            raise UsageError(f"{error}: {self.parsed.pointing(node)}") from error
        except _CAN_FAIL as error:
            raise UsageError(f"it can't be computed ({_reason(error)}): {self.parsed.pointing(node)}") from error


def _together(compute: Callable[..., Any], left: Any, right: Any) -> Any:
    tensors = [value for value in (left, right) if not isinstance(value, int | float | complex)]
    check_size(*tensors)
    return compute(left, right)


def _power(base: Any, exponent: Any) -> Any:
    """In floating point where both are numbers: an integer power can be too large to compute."""
    if isinstance(base, int) and isinstance(exponent, int):
        return float(base) ** exponent
    return base**exponent


def _picks(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and not (value.is_floating_point() or value.is_complex())


def _part(whole: Any, index: Any) -> Any:
    import torch

    if not isinstance(whole, torch.Tensor):
        raise UsageError("a number has no parts")
    picked = math.prod(_count(each) for each in (index if isinstance(index, tuple) else (index,)))
    row = whole.numel() // max(whole.shape[0], 1) if whole.dim() else 1
    if picked > 1 and picked * row > max(LARGEST, whole.numel()):
        raise UsageError(f"the result would have up to {picked * row:,} elements; that is too many")
    return whole[index]


def _count(index: Any) -> int:
    """How many an index may pick along its axis, where that can be more than there are."""
    import torch

    if isinstance(index, torch.Tensor):
        return index.numel() if index.dtype is not torch.bool else 1
    return len(index) if isinstance(index, list) else 1
