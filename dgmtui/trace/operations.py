"""ATen operations by name: finding them safely, what they change, and their arguments as plain data."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Argument, Constant, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.tensors import dtype_named, name_of

NAMESPACES = frozenset({"aten", "prims", "torchvision"})
_REFUSED = frozenset({"from_file", "save", "load", "set_", "record_stream"})
_REFUSED_TYPES = ("Storage", "Stream", "__torch__", "Capsule", "PyObject", "Future", "AnyEnum")
_NAME = re.compile(r"([a-z]\w*)\.(\w+)\.(\w+)", re.ASCII)
_UNDECLARED_WRITES = {
    "aten::native_batch_norm": ("running_mean", "running_var"),
    "aten::cudnn_batch_norm": ("running_mean", "running_var"),
    "aten::miopen_batch_norm": ("running_mean", "running_var"),
    "aten::_batch_norm_impl_index": ("running_mean", "running_var"),
}


@functools.cache
def resolve_op(name: str) -> OpOverload:
    """The operation called ``aten.addmm.default``; never anything but a registered tensor operation.

    Raises:
        ReplayError: this torch has no such operation, or it has no business in a training step (reads or writes files).
    """
    parts = _NAME.fullmatch(name)
    if parts is None or parts[1] not in NAMESPACES:
        raise ReplayError(f"the trace names {name!r}, which is no tensor operation of torch; it can't be replayed here")
    namespace, base, overload = parts.groups()
    full = f"{namespace}::{base}" + ("" if overload == "default" else f".{overload}")
    if full not in _registered():
        raise ReplayError(
            f"this torch ({torch.__version__}) has no operation {name}; replay with the version that recorded it"
        )
    packet = getattr(getattr(torch.ops, namespace), base)
    op = getattr(packet, overload) if isinstance(packet, OpOverloadPacket) else None
    if not isinstance(op, OpOverload) or base in _REFUSED or _handles_more_than_tensors(op):
        raise ReplayError(f"the trace runs {name}, which a training step has no use for; it is refused")
    return op


@functools.cache
def _registered() -> frozenset[str]:
    return frozenset(torch._C._dispatch_get_all_op_names())


def _handles_more_than_tensors(op: OpOverload) -> bool:
    types = [str(argument.type) for argument in (*op._schema.arguments, *op._schema.returns)]
    names = [argument.name for argument in op._schema.arguments]
    return "filename" in names or any(word in text for text in types for word in _REFUSED_TYPES)


def name_of_op(op: OpOverload) -> str:
    """``aten.addmm.default`` for an operation."""
    return f"{op.namespace}.{op._opname}.{op._overloadname}"


@functools.cache
def written_arguments(op: OpOverload) -> tuple[int, ...]:
    """Positions, among the schema's arguments, of those that ``op`` changes in place."""
    undeclared = _UNDECLARED_WRITES.get(op._schema.name, ())
    return tuple(
        i
        for i, argument in enumerate(op._schema.arguments)
        if (argument.alias_info is not None and argument.alias_info.is_write) or argument.name in undeclared
    )


def argument_at(op: OpOverload, position: int, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """The argument at a position of the schema, passed by place or by name; None where it was left out."""
    if position < len(args):
        return args[position]
    return kwargs.get(op._schema.arguments[position].name)


def named_arguments(node: Node) -> dict[str, Argument]:
    """The arguments of ``node`` by their names in the operation's schema, those left at their default not included."""
    return {**dict(zip(_argument_names(node.op), node.args, strict=False)), **node.kwargs}


@functools.cache
def _argument_names(op: str) -> tuple[str, ...]:
    return tuple(argument.name for argument in resolve_op(op)._schema.arguments)


def is_random(op: OpOverload, args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether a call draws from a generator: not if its dropout probability is 0, as in most fused attention."""
    if torch.Tag.nondeterministic_seeded not in op.tags:
        return False
    positions = [i for i, argument in enumerate(op._schema.arguments) if argument.name == "dropout_p"]
    return not positions or bool(argument_at(op, positions[0], args, kwargs))


@functools.cache
def is_alias(name: str) -> bool:
    """Whether every result of the operation is a view of (or the same as) one of its arguments, unchanged."""
    op = resolve_op(name)
    infos = [result.alias_info for result in op._schema.returns]
    return bool(infos) and all(info is not None and not info.is_write for info in infos)


def flat_results(result: Any) -> tuple[Any, ...]:
    """What an operation returned as one tuple, lists of tensors flattened; non-tensors kept in place."""
    if isinstance(result, Tensor):
        return (result,)
    if isinstance(result, tuple | list):
        return tuple(item for part in result for item in flat_results(part))
    return (result,)


def encode_argument(value: Any, ref: Callable[[Tensor], Ref], refuse: Callable[[str], None]) -> Argument:
    """A dispatched argument as plain data; what can't be is told to ``refuse`` and left out."""
    if isinstance(value, Tensor):
        return ref(value)
    if value is None or type(value) in (bool, int, float, complex, str):
        return value  # type: ignore[no-any-return]
    if isinstance(value, tuple | list):
        return tuple(encode_argument(item, ref, refuse) for item in value)
    if isinstance(value, torch.dtype):
        return Constant("dtype", name_of(value))
    if isinstance(value, torch.device):
        return Constant("device", str(value))
    if isinstance(value, torch.layout | torch.memory_format):
        kind = "layout" if isinstance(value, torch.layout) else "memory_format"
        return Constant(kind, str(value).removeprefix("torch."))
    if isinstance(value, torch.Generator):
        return None
    return _encode_number(value, refuse)


def _encode_number(value: Any, refuse: Callable[[str], None]) -> Argument:
    if isinstance(value, bool | torch.SymBool):
        return bool(value)
    if isinstance(value, int | torch.SymInt):
        return int(value)
    if isinstance(value, float | torch.SymFloat):
        return float(value)
    refuse(f"an operation took a {type(value).__name__}, which a trace can't hold")
    return None


def decode_constant(constant: Constant, device: torch.device | None = None) -> Any:
    """The torch object that a constant names; every device is ``device`` where that is given.

    Raises:
        ReplayError: there is none of that name.
    """
    if constant.kind == "dtype":
        return dtype_named(constant.value)
    if constant.kind == "device":
        return device if device is not None else _device(constant.value)
    kinds = {"layout": torch.layout, "memory_format": torch.memory_format}
    found = getattr(torch, constant.value, None) if constant.value.isidentifier() else None
    if constant.kind not in kinds or not isinstance(found, kinds[constant.kind]):
        raise ReplayError(f"the trace names a {constant.kind} {constant.value!r} that this torch does not know")
    return found


def _device(name: str) -> torch.device:
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ReplayError(f"the trace names a device {name!r} that this torch does not know") from error


def decode_argument(value: Argument, lookup: Callable[[Ref], Any], constant: Callable[[Constant], Any]) -> Any:
    """A node's argument as it is passed to the operation."""
    kind = type(value)
    if kind is NodeRef or kind is OutsideRef:
        return lookup(value)  # type: ignore[arg-type]
    if kind is tuple:
        return [decode_argument(item, lookup, constant) for item in value]  # type: ignore[union-attr]
    return constant(value) if kind is Constant else value  # type: ignore[arg-type]


def run_node(
    node: Node,
    lookup: Callable[[Ref], Tensor],
    graph: object = None,
    *,
    constant: Callable[[Constant], Any] = decode_constant,
) -> tuple[Any, ...]:
    """Run the one operation of ``node`` on the tensors that ``lookup`` gives, and return its results, flattened.

    Raises:
        ReplayError: the operation is unknown or refused, or does not take these arguments.
    """
    op = resolve_op(node.op)
    args = [decode_argument(value, lookup, constant) for value in node.args]
    kwargs = {key: decode_argument(value, lookup, constant) for key, value in node.kwargs.items()}
    return call_op(op, node, args, kwargs)


def call_op(op: OpOverload, node: Node, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Call ``op`` for ``node``; torch's own error becomes the one sentence of a ``ReplayError``."""
    try:
        return flat_results(op(*args, **kwargs))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ReplayError(f"node {node.id} ({node.op}) failed in the replay: {first}") from error
