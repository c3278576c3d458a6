"""One iteration as a graph of ATen operations: plain data, JSON in and out, no torch needed to look at it.

A node is one operation as PyTorch dispatched it, in execution order. What it took is recorded by reference: an earlier
node's result, an outside tensor (parameter, buffer, batch, constant), or a literal.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, TypeVar

from dgmtui.errors import RecordingError

GRAPH_VERSION = 1


@dataclass(frozen=True)
class NodeRef:
    """Result ``out`` of node ``node``."""

    node: int
    out: int = 0


@dataclass(frozen=True)
class OutsideRef:
    """A tensor that the trace found and did not make, by its name in ``Graph.outside``."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A torch object that is no tensor: ``dtype``, ``device``, ``layout`` or ``memory_format``, by its name."""

    kind: str
    value: str


T = TypeVar("T")
Ref: TypeAlias = NodeRef | OutsideRef
Argument: TypeAlias = "Ref | Constant | None | bool | int | float | complex | str | tuple[Argument, ...]"


@dataclass(frozen=True)
class Source:
    """The line of the user's code that ran an operation: the innermost frame outside torch and dgmtui."""

    file: str
    line: int
    function: str
    text: str
    """The line itself, stripped, so that it can be shown where the file is not."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class TensorMeta:
    """What a tensor looked like when it was traced."""

    dtype: str
    """Without the ``torch.`` prefix."""
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """In elements; a replay lays outside tensors out alike, since memory formats choose kernels."""
    device: str
    requires_grad: bool = False
    """Outside tensors only: a leaf that the loss is differentiated by."""


@dataclass(frozen=True)
class Outside:
    """A tensor that comes from outside the trace."""

    name: str
    """Also its name in a snapshot: ``param:PATH``, ``buffer:PATH`` or ``input:NAME``."""
    kind: Literal["parameter", "buffer", "input"]
    meta: TensorMeta
    origin: str = ""
    """Where it was found, in words: ``argument 0 of VAE``, ``variable y of train (train.py)``."""


@dataclass(frozen=True)
class Node:
    """One ATen operation as it ran."""

    id: int
    op: str
    """Qualified overload name: ``aten.addmm.default``."""
    args: tuple[Argument, ...]
    kwargs: Mapping[str, Argument]
    outs: tuple[TensorMeta | None, ...]
    """One per result; None where a result is no tensor."""
    call: int
    """Id of the innermost module call that ran it (``Graph.calls``); -1 outside every module."""
    source: Source | None
    grad_enabled: bool = True
    random: bool = False
    """It drew from a generator (tagged ``nondeterministic_seeded``): a replay elsewhere takes the stored draw."""
    mutates: tuple[Ref, ...] = ()
    """What it changed in place, as referred to before the change. Later references to the mutated tensor name this
    node if the tensor is one of its results, as for ``relu_``."""

    @property
    def name(self) -> str:
        """The operation without its overload, as findings name it: ``aten.addmm``."""
        return ".".join(self.op.split(".")[:2])

    def inputs(self) -> Iterator[Ref]:
        """Every tensor reference among its arguments, in order, lists flattened."""
        return iter(self._inputs)

    @cached_property
    def _inputs(self) -> tuple[Ref, ...]:
        return tuple(ref for value in (*self.args, *self.kwargs.values()) for ref in refs_in(value))


@dataclass(frozen=True)
class Call:
    """One call of one module."""

    id: int
    module: str
    """Its path; ``""`` is the root."""
    type: str
    index: int
    """0 for the module's first call in this trace, and so on."""
    parent: int
    """Id of the call that made it; -1 for an outermost one."""
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    """The tensors that went in and came out, nested containers flattened, those known to the trace. No outputs are
    kept where the first of them can't reach the loss, so that the first kept is the first there was."""
    training: bool = True
    begin: int = 0
    """Id of the first node that ran in it, or would have."""
    end: int = 0
    """Id of the first node that ran after it: its outputs' values are those just before that node."""


@dataclass(frozen=True)
class Graph:
    """One iteration's forward pass, from its first operation to the loss."""

    nodes: tuple[Node, ...]
    """In execution order; ``nodes[i].id == i``."""
    outside: Mapping[str, Outside]
    calls: tuple[Call, ...]
    """``calls[i].id == i``, in the order they began."""
    loss: Ref
    signature: str = ""
    """Modules, input shapes and turn that it stands for."""
    torch_version: str = ""
    version: int = GRAPH_VERSION
    _users: dict[Ref, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, find: Callable[["Graph"], T]) -> T:
        """``find(self)``, found once and kept as long as the graph is: for what is told from it alone."""
        if find not in self._found:
            self._found[find] = find(self)
        return self._found[find]  # type: ignore[no-any-return]

    def module_of(self, node: Node) -> str:
        """Path of the module that ran ``node``; ``""`` for the root and for code outside every module."""
        return self.calls[node.call].module if node.call >= 0 else ""

    def meta(self, ref: Ref) -> TensorMeta:
        """Type and shape of what ``ref`` names."""
        if isinstance(ref, OutsideRef):
            return self.outside[ref.name].meta
        meta = self.nodes[ref.node].outs[ref.out]
        assert meta is not None, f"{ref} is no tensor"
        return meta

    def users(self, ref: Ref) -> tuple[int, ...]:
        """Ids of the nodes that take ``ref``, in execution order."""
        if not self._users:
            users: dict[Ref, list[int]] = {}
            for node in self.nodes:
                for used in dict.fromkeys(node.inputs()):
                    users.setdefault(used, []).append(node.id)
            self._users.update({key: tuple(ids) for key, ids in users.items()})
        return self._users.get(ref, ())

    def to_json(self) -> str:
        """As stored in a recording; ``from_json`` gives an equal graph back."""
        return json.dumps(
            {
                "version": self.version,
                "torch_version": self.torch_version,
                "signature": self.signature,
                "loss": _encode(self.loss),
                "outside": [_encode_outside(outside) for outside in self.outside.values()],
                "calls": [
                    [
                        c.module,
                        c.type,
                        c.index,
                        c.parent,
                        _encode(c.inputs),
                        _encode(c.outputs),
                        c.training,
                        c.begin,
                        c.end,
                    ]
                    for c in self.calls
                ],
                "sources": [[s.file, s.line, s.function, s.text] for s in self._sources()],
                "nodes": [self._encode_node(node, number) for node, number in self._numbered()],
            },
            separators=(",", ":"),
            allow_nan=False,
        )

    def _sources(self) -> tuple[Source, ...]:
        return tuple(dict.fromkeys(node.source for node in self.nodes if node.source is not None))

    def _numbered(self) -> Iterator[tuple[Node, int]]:
        number = {source: i for i, source in enumerate(self._sources())}
        for node in self.nodes:
            yield node, -1 if node.source is None else number[node.source]

    @staticmethod
    def _encode_node(node: Node, source: int) -> dict[str, Any]:
        encoded: dict[str, Any] = {
            "op": node.op,
            "args": _encode(node.args),
            "outs": [None if meta is None else _encode_meta(meta) for meta in node.outs],
            "call": node.call,
            "source": source,
        }
        if node.kwargs:
            encoded["kwargs"] = {key: _encode(value) for key, value in node.kwargs.items()}
        if not node.grad_enabled:
            encoded["no_grad"] = True
        if node.random:
            encoded["random"] = True
        if node.mutates:
            encoded["mutates"] = _encode(node.mutates)
        return encoded

    @staticmethod
    def from_json(text: str) -> "Graph":
        """Read a stored graph.

        Raises:
            RecordingError: it is no graph of a version known here, or refers to what it does not hold.
        """
        try:
            raw = json.loads(text)
            if raw["version"] != GRAPH_VERSION:
                raise RecordingError(f"its trace has version {raw['version']}; this dgmtui reads {GRAPH_VERSION}")
            sources = [Source(str(f), int(n), str(fn), str(t)) for f, n, fn, t in raw["sources"]]
            graph = Graph(
                nodes=tuple(_decode_node(i, item, sources) for i, item in enumerate(raw["nodes"])),
                outside={item["name"]: _decode_outside(item) for item in raw["outside"]},
                calls=tuple(_decode_call(i, item) for i, item in enumerate(raw["calls"])),
                loss=_decode_refs([raw["loss"]])[0],
                signature=str(raw["signature"]),
                torch_version=str(raw["torch_version"]),
            )
            validate(graph)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
            raise RecordingError(f"its trace is damaged ({type(error).__name__}: {error})") from error
        return graph


def map_refs(value: Argument, change: Callable[[Ref], Any]) -> Any:
    """``value`` with every tensor reference in it replaced by ``change(ref)``; tuples become lists."""
    if isinstance(value, NodeRef | OutsideRef):
        return change(value)
    if isinstance(value, tuple):
        return [map_refs(item, change) for item in value]
    return value


def refs_in(value: Argument) -> Iterator[Ref]:
    """Every tensor reference in an argument, in order, lists flattened."""
    if isinstance(value, NodeRef | OutsideRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from refs_in(item)


def _encode(value: Argument) -> Any:
    match value:
        case NodeRef(node, out):
            return {"n": node} if out == 0 else {"n": node, "o": out}
        case OutsideRef(name):
            return {"x": name}
        case Constant(kind, name):
            return {"c": [kind, name]}
        case complex():
            return {"z": [_encode(value.real), _encode(value.imag)]}
        case float() if not math.isfinite(value):
            return {"f": str(value)}
        case tuple():
            return [_encode(item) for item in value]
        case _:
            return value


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


def _decode_refs(raw: Any) -> tuple[Ref, ...]:
    refs = tuple(_decode(item) for item in raw)
    if not all(isinstance(ref, NodeRef | OutsideRef) for ref in refs):
        raise ValueError("a tensor reference was expected")
    return refs  # type: ignore[return-value]


def _encode_meta(meta: TensorMeta) -> list[Any]:
    return [meta.dtype, list(meta.shape), list(meta.stride), meta.device, meta.requires_grad]


def _decode_meta(raw: Any) -> TensorMeta:
    dtype, shape, stride, device, requires_grad = raw
    return TensorMeta(str(dtype), tuple(map(int, shape)), tuple(map(int, stride)), str(device), bool(requires_grad))


def _encode_outside(outside: Outside) -> dict[str, Any]:
    return {
        "name": outside.name,
        "kind": outside.kind,
        "meta": _encode_meta(outside.meta),
        "origin": outside.origin,
    }


def _decode_outside(raw: Any) -> Outside:
    kind = raw["kind"]
    if kind not in ("parameter", "buffer", "input"):
        raise ValueError(f"unknown kind of outside tensor {kind!r}")
    return Outside(str(raw["name"]), kind, _decode_meta(raw["meta"]), str(raw["origin"]))


def _decode_call(number: int, raw: Any) -> Call:
    module, type_, index, parent, inputs, outputs, training, begin, end = raw
    return Call(
        number,
        str(module),
        str(type_),
        int(index),
        int(parent),
        _decode_refs(inputs),
        _decode_refs(outputs),
        bool(training),
        int(begin),
        int(end),
    )


def _decode_node(number: int, raw: Any, sources: list[Source]) -> Node:
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
        mutates=_decode_refs(raw.get("mutates", [])),
    )


def validate(graph: Graph) -> None:
    """Every reference points back to something that exists, so that no reader needs to look again.

    Raises:
        ValueError: one does not.
    """

    def check(ref: Ref, before: int) -> None:
        if isinstance(ref, OutsideRef):
            if ref.name not in graph.outside:
                raise ValueError(f"unknown outside tensor {ref.name!r}")
        elif not (0 <= ref.node < before and 0 <= ref.out < len(graph.nodes[ref.node].outs)):
            raise ValueError(f"{ref} does not exist")

    for node in graph.nodes:
        for ref in (*node.inputs(), *node.mutates):
            check(ref, node.id)
        if not -1 <= node.call < len(graph.calls):
            raise ValueError(f"node {node.id} names call {node.call}, which does not exist")
    for call in graph.calls:
        if not -1 <= call.parent < call.id:
            raise ValueError(f"call {call.id} names parent {call.parent}")
        if not 0 <= call.begin <= call.end <= len(graph.nodes):
            raise ValueError(f"call {call.id} runs nodes {call.begin} to {call.end}, which do not exist")
        for ref in (*call.inputs, *call.outputs):
            check(ref, len(graph.nodes))
    check(graph.loss, len(graph.nodes))
