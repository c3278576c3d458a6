"""Operations as a person would write them in Python."""

import ast
import math

from dgmtui.session.patch.names import Names
from dgmtui.trace.edits import Unary
from dgmtui.trace.unary import UNARY, short

_FUNCTIONAL = frozenset("elu gelu hardsigmoid hardswish hardtanh leaky_relu mish silu softplus".split())
MODULES = {
    "elu": "ELU", "gelu": "GELU", "hardsigmoid": "Hardsigmoid", "hardswish": "Hardswish", "hardtanh": "Hardtanh",
    "leaky_relu": "LeakyReLU", "mish": "Mish", "relu": "ReLU", "sigmoid": "Sigmoid", "silu": "SiLU",
    "softplus": "Softplus", "tanh": "Tanh", "clone": "Identity",
}  # fmt: skip
"""Classes of ``torch.nn`` by the operation that they run."""


def number(value: float) -> str:
    """``3`` for 3.0, ``0.01``, ``float('inf')``."""
    return f"{value:.12g}" if math.isfinite(value) else f"float('{value}')"


def unary_call(unary: Unary, operand: str, names: Names) -> str:
    """``F.softplus(x)``; the tensor itself for the identity."""
    name = short(unary.op)
    if name == "clone":
        return operand if operand.isidentifier() else f"({operand})"
    function = names.functional(name) if name in _FUNCTIONAL else names.torch(name)
    return f"{function}({', '.join((operand, *_numbers(unary)))})"


def unary_module(unary: Unary) -> str | None:
    """``nn.Softplus()``; None where there is no such class."""
    name = short(unary.op)
    return f"nn.{MODULES[name]}({', '.join(_numbers(unary))})" if name in MODULES else None


def unary_words(unary: Unary) -> str:
    """``softplus``, ``clamp(-10, 10)``."""
    numbers = ", ".join(_numbers(unary))
    return short(unary.op) + (f"({numbers})" if numbers else "")


def linear(text: str, factor: float, offset: float) -> str:
    """``text * 3 + 0.01``, of what changes nothing nothing."""
    if factor != 1:
        text += f" * {number(factor)}"
    return text + (f" {'-' if offset < 0 else '+'} {number(abs(offset))}" if offset else "")


def clamped(text: str, low: float, high: float) -> str:
    """``text.clamp(-10, 10)``; a bound that bounds nothing is left out."""
    if math.isinf(low) and math.isinf(high):
        return text
    if math.isinf(low):
        return f"{text}.clamp(max={number(high)})"
    return f"{text}.clamp(min={number(low)})" if math.isinf(high) else f"{text}.clamp({number(low)}, {number(high)})"


def atom(node: ast.expr, text: str) -> str:
    """``text``, the expression ``node``, so that something can be put behind it."""
    return text if isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript) else f"({text})"


def _numbers(unary: Unary) -> list[str]:
    """Of its numbers those up to the last that is not the default."""
    usual = next((each.args for each in UNARY.values() if each.op == unary.op and each.most is None), ())
    given = list(unary.args)
    while given and len(given) <= len(usual) and given[-1] == usual[len(given) - 1]:
        given.pop()
    return [number(each) for each in given]
