"""A snapshot replays from its bytes; a hostile or damaged one fails in one sentence and runs nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dgmtui.errors import ReplayError
from dgmtui.recording.model import Match, SnapshotInfo, StoredTensor, TensorSpec, Verdict
from dgmtui.trace.graph import Constant, Graph, Node, NodeRef, Outside, OutsideRef, TensorMeta
from dgmtui.trace.limits import check_graph
from dgmtui.trace.operations import resolve_op
from dgmtui.trace.replay import load_replay
from dgmtui.trace.tensors import from_stored, to_stored
from dgmtui.trace.verify import verify_elsewhere


class Shelf:
    """As much of a recording as a replay reads."""

    def __init__(self, graph: Graph, tensors: dict[str, torch.Tensor]) -> None:
        self.stored = {name: to_stored(t) for name, t in tensors.items()}
        self.specs = {
            name: TensorSpec(s.dtype, s.shape, i, s.data.nbytes) for i, (name, s) in enumerate(self.stored.items())
        }
        self.json = graph.to_json()

    def tensor(self, spec: TensorSpec) -> StoredTensor:
        return list(self.stored.values())[spec.offset]

    def trace(self, number: int) -> str:
        return self.json


@pytest.fixture
def shelf(trace_once: Any) -> tuple[Any, SnapshotInfo]:
    model, x = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)), torch.randn(5, 4)
    case = trace_once(model, lambda: model(x).exp().sum(), x=x)
    gradients = {f"grad:{name.removeprefix('param:')}": g for name, g in case.gradients.items()}
    draws = {f"draw:{node}:{out}": t for (node, out), t in case.traced.draws.items()}
    shelf = Shelf(case.graph, {**case.feeds, **gradients, **draws})
    statistics = {path: [str(v) for v in row] for path, row in case.statistics.items()}
    return shelf, SnapshotInfo(
        iteration=3,
        turn="",
        reason="failing",
        trace=0,
        loss=float(case.loss),
        verdict=Verdict(Match.MATCHES, Match.MATCHES, ""),
        tensors=shelf.specs,
        extra={"statistics": statistics},
    )


def test_a_snapshot_replays_and_matches(shelf: Any) -> None:
    recording, snapshot = shelf
    verdict = verify_elsewhere(load_replay(recording, snapshot), recording, snapshot)
    assert (verdict.forward, verdict.gradient) == (Match.MATCHES, Match.MATCHES)


def test_small_differences_agree_and_large_ones_differ(shelf: Any) -> None:
    recording, snapshot = shelf
    near = replace(snapshot, loss=snapshot.loss * (1 + 1e-5))
    assert verify_elsewhere(load_replay(recording, near), recording, near).forward is Match.AGREES
    far = replace(snapshot, loss=snapshot.loss * 1.1)
    verdict = verify_elsewhere(load_replay(recording, far), recording, far)
    assert verdict.forward is Match.DIFFERS
    assert "the loss differs" in verdict.detail
    infinite = replace(snapshot, loss=float("inf"))
    assert verify_elsewhere(load_replay(recording, infinite), recording, infinite).forward is Match.DIFFERS


@pytest.mark.parametrize("prefix", ["param:", "input:", "draw:"])
def test_what_is_missing_is_said(shelf: Any, prefix: str) -> None:
    recording, snapshot = shelf
    left = {name: spec for name, spec in snapshot.tensors.items() if not name.startswith(prefix)}
    with pytest.raises(ReplayError, match="lacks"):
        load_replay(recording, replace(snapshot, tensors=left))


def test_declared_missing_tensors_and_traces(shelf: Any) -> None:
    recording, snapshot = shelf
    with pytest.raises(ReplayError, match="variable y"):
        load_replay(recording, replace(snapshot, missing=("variable y of train",)))
    with pytest.raises(ReplayError, match="no trace"):
        load_replay(recording, replace(snapshot, trace=-1))
    recording.json = recording.json[:50]
    with pytest.raises(ReplayError, match="damaged"):
        load_replay(recording, snapshot)


@pytest.mark.parametrize(
    "name",
    [
        "aten.from_file.default",
        "aten.save.default",
        "aten.__class__.default",
        "aten.add.__globals__",
        "os.system.default",
        "aten.add",
        "profiler._record_function_enter.default",
        "aten.no_such_operation.default",
        "aten.set_.source_Storage",
        "inductor._alloc_from_pool.default",
        "aten.add.Tensor.x",
        "",
    ],
)
def test_no_name_reaches_anything_but_tensor_operations(name: str) -> None:
    with pytest.raises(ReplayError):
        resolve_op(name)


def graph_of(op: str, args: Any, shape: tuple[int, ...], **kwargs: Any) -> Graph:
    meta = TensorMeta("float32", shape, (1,) * len(shape), "cpu")
    return Graph((Node(0, op, args, kwargs, (meta,), -1, None),), {}, (), NodeRef(0))


@pytest.mark.parametrize(
    ("op", "args", "shape"),
    [
        ("aten.empty.memory_format", ((1 << 40,),), (1,)),
        ("aten.empty.memory_format", ((1,),), (1 << 40,)),
        ("aten.full.default", ((1 << 20, 1 << 20), 1.0), (2, 2)),
        ("aten.arange.default", (1 << 42,), (1,)),
        ("aten.eye.default", (1 << 22,), (1,)),
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(op: str, args: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ReplayError, match=r"GiB|size"):
        check_graph(graph_of(op, args, shape))


@pytest.mark.parametrize(
    ("op", "rest"),
    [
        ("aten.repeat.default", ((1 << 40,),)),
        ("aten.constant_pad_nd.default", ((0, 1 << 40),)),
        ("aten.constant_pad_nd.default", ((0, 10**400),)),
        ("aten.upsample_nearest1d.default", ((1 << 40,),)),
        ("aten.outer.default", (OutsideRef("long"),)),
    ],
)
def test_what_an_operation_makes_of_a_small_tensor_is_looked_at(op: str, rest: Any) -> None:
    small = TensorMeta("float32", (1, 1, 2) if "upsample" in op else (2,), (2, 2, 1)[-1:], "cpu")
    long = TensorMeta("float32", (1 << 38,), (0,), "cpu")
    outside = {name: Outside(name, "input", meta) for name, meta in (("small", small), ("long", long))}
    if "outer" not in op:
        del outside["long"]
    meta = TensorMeta("float32", (2,), (1,), "cpu")
    graph = Graph((Node(0, op, (OutsideRef("small"), *rest), {}, (meta,), -1, None),), outside, (), NodeRef(0))
    with pytest.raises(ReplayError, match=r"GiB|size"):
        check_graph(graph)


def test_honest_sizes_pass() -> None:
    check_graph(graph_of("aten.full.default", ((3, 3), 1.0), (3, 3), dtype=Constant("dtype", "float32")))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int64", "bool", "complex64", "uint8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_tensors_survive_as_bytes(dtype: str, shape: tuple[int, ...]) -> None:
    t = (torch.randn(shape) * 3).to(getattr(torch, dtype))
    back = from_stored(to_stored(t.t() if t.dim() == 2 else t))
    assert back.dtype == t.dtype
    assert torch.equal(back, t.t() if t.dim() == 2 else t)


def test_a_stored_tensor_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ReplayError, match="damaged"):
        from_stored(StoredTensor("float32", (1 << 40,), np.zeros(4, np.uint8)))
    with pytest.raises(ReplayError, match="no dtype"):
        from_stored(StoredTensor("load", (1,), np.zeros(4, np.uint8)))
