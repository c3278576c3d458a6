"""One iteration as a graph of ATen operations: plain data, JSON in and out, no torch needed to look at it.

A node is one operation as PyTorch dispatched it, in execution order. What it took is recorded by reference: an earlier
node's result, an outside tensor (parameter, buffer, batch, constant), or a literal.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dgmtui.errors import RecordingError
from dgmtui.trace.graph_json import (
    decode_call,
    decode_node,
    decode_outside,
    decode_refs,
    encode,
    encode_call,
    encode_node,
    encode_outside,
)
from dgmtui.trace.nodes import (
    Argument,
    Call,
    Constant,
    Node,
    NodeRef,
    Outside,
    OutsideRef,
    Ref,
    Source,
    TensorMeta,
    map_refs,
    refs_in,
)

__all__ = [
    "Argument",
    "Call",
    "Constant",
    "GRAPH_VERSION",
    "Graph",
    "Node",
    "NodeRef",
    "Outside",
    "OutsideRef",
    "Ref",
    "Source",
    "TensorMeta",
    "map_refs",
    "refs_in",
    "validate",
]

GRAPH_VERSION = 1
T = TypeVar("T")


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
                "loss": encode(self.loss),
                "outside": [encode_outside(outside) for outside in self.outside.values()],
                "calls": [encode_call(call) for call in self.calls],
                "sources": [[s.file, s.line, s.function, s.text] for s in self._sources()],
                "nodes": [encode_node(node, number) for node, number in self._numbered()],
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
                nodes=tuple(decode_node(i, item, sources) for i, item in enumerate(raw["nodes"])),
                outside={item["name"]: decode_outside(item) for item in raw["outside"]},
                calls=tuple(decode_call(i, item) for i, item in enumerate(raw["calls"])),
                loss=decode_refs([raw["loss"]])[0],
                signature=str(raw["signature"]),
                torch_version=str(raw["torch_version"]),
            )
            validate(graph)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
            raise RecordingError(f"its trace is damaged ({type(error).__name__}: {error})") from error
        return graph


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
