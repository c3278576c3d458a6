"""What a person types as an edit, read into the value that changes an iteration. torch is loaded when one is read."""

import re
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.expression import place
from dgmtui.session.tensors import outside_name, print_value

if TYPE_CHECKING:
    from dgmtui.session.session import Session
    from dgmtui.trace.edits import ChangeOutput, DropSample, Place, ReplaceOperation, SetTensor

_SET = re.compile(r"(?P<left>.+?)\s*(?P<way>[-+*/]?=)(?!=)\s*(?P<right>.+)")
_SPACED = re.compile(r"^(param|buffer|input)\s+(?=\S)")
_REPLACE = re.compile(r"(?P<old>\S+)(?:\s+at\s+(?P<at>\S+))?\s+with\s+(?P<new>.+)")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_NEW = re.compile(
    rf"(?P<name>[\w.]+)\s*(?:\((?P<numbers>[^()]*)\))?"
    rf"(?:\s*\*\s*(?P<factor>{_NUMBER}))?(?:\s*(?P<sign>[-+])\s*(?P<offset>{_NUMBER}))?",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?:node:(?P<node>\d+)|(?P<module>[^\[\]@:]+))(?:\[(?P<unit>\d+)\])?")


def read_set(session: "Session", text: str) -> "SetTensor":
    """``input:x[17] = input:x[3]``, ``param:enc.weight *= 0.5``; what is on the right is computed now.

    Raises:
        UsageError: it does not parse, or names what is not there.
        ReplayError: the iteration, as it is now, can't be run again to compute the value.
    """
    from dgmtui.trace.edits import SetTensor

    parts = _SET.fullmatch(text)
    if parts is None:
        raise UsageError(f"{text!r} sets nothing; try `set input[0][17] = input[0][3]` or `set param:PATH *= 0.5`")
    reference, indices = place(_SPACED.sub(r"\1:", parts["left"], count=1))
    made, value = print_value(session, parts["right"])
    name = outside_name(session, made.replay.graph, reference)
    if name is None:
        raise UsageError(
            f"{parts['left']} is computed in the iteration; what can be set is input:NAME, param:PATH or buffer:PATH "
            "(`clamp`, `scale` and `replace` change what is computed)"
        )
    return SetTensor(f"set {text}", name, indices, parts["way"], value)


def read_replace(text: str) -> "ReplaceOperation":
    """``exp at xv with softplus + 0.01``.

    Raises:
        UsageError: it does not parse, or what is to be put in is not known.
    """
    from dgmtui.trace.edits import ReplaceOperation, unary

    parts = _REPLACE.fullmatch(text)
    if parts is None:
        raise UsageError("it takes OP at MODULE with OP, as in `replace exp at xv with softplus + 0.01`")
    new = _NEW.fullmatch(parts["new"].strip())
    if new is None:
        raise UsageError(f"{parts['new']!r} is no operation with a number times and a number added behind it")
    numbers = tuple(_number(word) for word in (new["numbers"] or "").split(",") if word.strip())
    factor, offset = float(new["factor"] or 1), float((new["sign"] or "") + (new["offset"] or "0"))
    return ReplaceOperation(f"replace {text}", parts["old"], parts["at"], unary(new["name"], numbers), factor, offset)


def read_clamp(target: str, low: float, high: float) -> "ChangeOutput":
    """What a module, a unit of it or a node gives out is kept within bounds.

    Raises:
        UsageError: the bounds are none, or ``target`` is no place.
    """
    from dgmtui.trace.edits import ChangeOutput

    if not low <= high:
        raise UsageError(f"bounds go from the lower to the higher; not from {low:g} to {high:g}")
    return ChangeOutput(f"clamp {target} {low:.12g} {high:.12g}", read_place(target), "aten.clamp.default", (low, high))


def read_scale(target: str, factor: float) -> "ChangeOutput":
    """What a module, a unit of it or a node gives out is multiplied.

    Raises:
        UsageError: ``target`` is no place.
    """
    from dgmtui.trace.edits import ChangeOutput

    return ChangeOutput(f"scale {target} {factor:.12g}", read_place(target), "aten.mul.Tensor", (factor,))


def read_drop(row: int) -> "DropSample":
    """One row of the batch is taken out.

    Raises:
        UsageError: it is negative.
    """
    from dgmtui.trace.edits import DropSample

    if row < 0:
        raise UsageError("samples are rows of the batch, from 0")
    return DropSample(f"drop sample {row}", row)


def read_place(target: str) -> "Place":
    """``MODULE``, ``MODULE[UNIT]``, ``node:ID``; ``.`` is the root.

    Raises:
        UsageError: it is none of these.
    """
    from dgmtui.trace.edits import Place

    found = _PLACE.fullmatch(target)
    if found is None:
        raise UsageError(f"{target!r} is no MODULE, MODULE[UNIT] or node:ID")
    module = "" if found["module"] in (None, ".") else found["module"]
    node, unit = (None if found[key] is None else int(found[key]) for key in ("node", "unit"))
    return Place(node, module, unit)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise UsageError(f"{word.strip()!r} is no number") from error
