"""The parts of a graph as JSON and back, as a recording holds them: lists and short keys, for a trace has thousands.

What is read is not trusted. Of a damaged part decoding raises a KeyError, TypeError, ValueError, IndexError or
AttributeError; ``Graph.from_json`` makes a sentence of it.
"""

import math
from typing import Any

from dgmtui.trace.nodes import Argument, Call, Constant, Node, NodeRef, Outside, OutsideRef, Ref, Source, TensorMeta


def encode(value: Argument) -> Any:
    """An argument, references and lists included."""
    match value:
        case NodeRef(node, out):
            return {"n": node} if out == 0 else {"n": node, "o": out}
        case OutsideRef(name):
            return {"x": name}
        case Constant(kind, name):
            return {"c": [kind, name]}
        case complex():
            return {"z": [encode(value.real), encode(value.imag)]}
        case float() if not math.isfinite(value):
            return {"f": str(value)}
        case tuple():
            return [encode(item) for item in value]
        case _:
            return value


def encode_outside(outside: Outside) -> dict[str, Any]:
    """A tensor from outside the trace."""
    return {
        "name": outside.name,
        "kind": outside.kind,
        "meta": _encode_meta(outside.meta),
        "origin": outside.origin,
    }


def encode_call(call: Call) -> list[Any]:
    """A call of a module."""
    return [
        call.module,
        call.type,
        call.index,
        call.parent,
        encode(call.inputs),
        encode(call.outputs),
        call.training,
        call.begin,
        call.end,
    ]


def encode_node(node: Node, source: int) -> dict[str, Any]:
    """An operation; ``source`` is the number of its line among the graph's sources, -1 for none."""
    encoded: dict[str, Any] = {
        "op": node.op,
        "args": encode(node.args),
        "outs": [None if meta is None else _encode_meta(meta) for meta in node.outs],
        "call": node.call,
        "source": source,
    }
    if node.kwargs:
        encoded["kwargs"] = {key: encode(value) for key, value in node.kwargs.items()}
    if not node.grad_enabled:
        encoded["no_grad"] = True
    if node.random:
        encoded["random"] = True
    if node.mutates:
        encoded["mutates"] = encode(node.mutates)
    return encoded


def _encode_meta(meta: TensorMeta) -> list[Any]:
    return [meta.dtype, list(meta.shape), list(meta.stride), meta.device, meta.requires_grad]


def decode_refs(raw: Any) -> tuple[Ref, ...]:
    """Stored tensor references, and nothing else."""
    refs = tuple(_decode(item) for item in raw)
    if not all(isinstance(ref, NodeRef | OutsideRef) for ref in refs):
        raise ValueError("a tensor reference was expected")
    return refs  # type: ignore[return-value]


def decode_outside(raw: Any) -> Outside:
    """A stored tensor from outside the trace."""
    kind = raw["kind"]
    if kind not in ("parameter", "buffer", "input"):
        raise ValueError(f"unknown kind of outside tensor {kind!r}")
    return Outside(str(raw["name"]), kind, _decode_meta(raw["meta"]), str(raw["origin"]))


def decode_call(number: int, raw: Any) -> Call:
    """A stored call; ``number`` is its id."""
    module, type_, index, parent, inputs, outputs, training, begin, end = raw
    return Call(
        number,
        str(module),
        str(type_),
        int(index),
        int(parent),
        decode_refs(inputs),
        decode_refs(outputs),
        bool(training),
        int(begin),
        int(end),
    )


def decode_node(number: int, raw: Any, sources: list[Source]) -> Node:
    """A stored operation; ``number`` is its id."""
    args = _decode(raw["args"])
    if not isinstance(args, tuple):
        raise ValueError("a node's arguments are a list")
    return Node(
        id=number,
        op=str(raw["op"]),
        args=args,
        kwargs={str(key): _decode(value) for key, value in raw.get("kwargs", {}).items()},
        outs=tuple(None if meta is None else _decode_meta(meta) for meta in raw["outs"]),
        call=int(raw["call"]),
        source=sources[raw["source"]] if raw["source"] >= 0 else None,
        grad_enabled=not raw.get("no_grad", False),
        random=bool(raw.get("random", False)),
        mutates=decode_refs(raw.get("mutates", [])),
    )


def _decode(raw: Any) -> Argument:
    if isinstance(raw, list):
        return tuple(_decode(item) for item in raw)
    if isinstance(raw, dict):
        match raw:
            case {"n": int(node)}:
                return NodeRef(node, int(raw.get("o", 0)))
            case {"x": str(name)}:
                return OutsideRef(name)
            case {"c": [str(kind), str(name)]}:
                return Constant(kind, name)
            case {"z": [real, imag]}:
                return complex(_decode_float(real), _decode_float(imag))
            case {"f": str()}:
                return _decode_float(raw)
        raise ValueError(f"unknown argument {raw!r}")
    if raw is None or isinstance(raw, bool | int | float | str):
        return raw
    raise ValueError(f"unknown argument {raw!r}")


def _decode_float(raw: Any) -> float:
    return float(raw["f"]) if isinstance(raw, dict) else float(raw)


def _decode_meta(raw: Any) -> TensorMeta:
    dtype, shape, stride, device, requires_grad = raw
    return TensorMeta(str(dtype), tuple(map(int, shape)), tuple(map(int, stride)), str(device), bool(requires_grad))
