"""What is derived without running an operation again is what autograd derives by running it."""

import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit.direct import DIRECT
from dgmtui.credit.ops import by_autograd, vjp
from dgmtui.credit.pushed import _EVERY, _PUSHES, pushed
from dgmtui.credit.rules import stabilised
from dgmtui.credit.sweep import Reader
from dgmtui.credit.tangents import _dual, _twice_backward
from dgmtui.trace.graph import Node, NodeRef, Ref
from dgmtui.trace.replay import Replay
from tests.credit.conftest import trace

Made = Callable[[Tensor, Tensor], Tensor]

CASES: dict[str, Made] = {
    "view": lambda x, w: x.view(2, 3, 20)[:, 1:] * 2,
    "reshape": lambda x, w: x.transpose(1, 2).reshape(2, -1),
    "squeeze": lambda x, w: x[:, :1].squeeze(1).unsqueeze(-1),
    "transpose": lambda x, w: x.transpose(-1, 0) * 3,
    "permute": lambda x, w: x.permute(3, 0, 2, 1) + 1,
    "t": lambda x, w: x[0, 0].t() @ x[1, 2],
    "expand": lambda x, w: x[:, :1].expand(-1, 3, -1, -1) * x,
    "slice": lambda x, w: x[:, ::2, 1:-1] / 3,
    "select": lambda x, w: x[:, -1] - x.select(1, 0),
    "split": lambda x, w: x.split([1, 2], 1)[1] * 2,
    "chunk": lambda x, w: torch.cat([part.tanh() for part in x.chunk(2, 2)], 2),
    "unbind": lambda x, w: x.unbind(-1)[1] * x.unbind(-1)[3],
    "cat": lambda x, w: torch.cat([x, w.expand(2, -1, -1, -1)], 1),
    "stack": lambda x, w: torch.stack([x, x * 2], 1),
    "mean": lambda x, w: x.mean((1, -1)) + x.mean() + x.mean(3, keepdim=True)[:, 0, :, 0],
    "sum": lambda x, w: x.sum((0, 2), keepdim=True) * x.sum(),
    "add": lambda x, w: x.add(w, alpha=-2) + 3,
    "sub": lambda x, w: w.sub(x, alpha=0.5) - 1,
    "add_": lambda x, w: x.clone().add_(w).sub_(x),
    "mul": lambda x, w: x * w * 2,
    "square": lambda x, w: x * x,
    "mul_": lambda x, w: x.clone().mul_(w),
    "div": lambda x, w: x / (w.abs() + 1),
    "mm": lambda x, w: x.flatten(1) @ x.flatten(1).t(),
    "addmm": lambda x, w: F.linear(x, w[0], w[0, :, 0]),
    "addmm, alpha": lambda x, w: torch.addmm(w[0, :, :4], x[0, 0], w[0].t(), beta=0.5, alpha=2),
    "bmm": lambda x, w: x.flatten(0, 1) @ w.transpose(1, 2).expand(6, -1, -1),
    "convolution": lambda x, w: F.conv2d(x, w[:, :3, :3].expand(2, 3, -1, -1), w[0, 0, :2], padding=1),
    "transposed convolution": lambda x, w: F.conv_transpose2d(x, w[:, :3, :2].expand(3, 1, -1, -1), stride=2),
    "max pool": lambda x, w: F.max_pool2d(x, 2, 1, ceil_mode=True),
    "average pool": lambda x, w: F.avg_pool2d(x, 2),
    "relu": lambda x, w: F.relu(x) + F.relu_(x * 1),
    "gates": lambda x, w: torch.sigmoid(x) * torch.tanh_(x * 1) * torch.sigmoid_(x + 1) * x.tanh(),
    "leaky relu": lambda x, w: F.leaky_relu(x, 0.2) + F.leaky_relu(w),
    "layer norm": lambda x, w: F.layer_norm(x, (4, 5), w[0], w[0] + 1) + F.layer_norm(x, (5,)),
    "batch norm": lambda x, w: F.batch_norm(x, None, None, w[0, 0, :3], w[0, 1, :3], training=True),
    "batch norm without weight": lambda x, w: F.batch_norm(x.flatten(0, 2), None, None, training=True),
    "batch norm in evaluation": lambda x, w: F.batch_norm(x, w[0, 0, :3].detach(), w[0, 1, :3].detach().abs() + 1),
    "through a view": lambda x, w: _changed_through_a_view(x, w),
    "promoted": lambda x, w: x.double() * w + x.double(),
}


def _changed_through_a_view(x: Tensor, w: Tensor) -> Tensor:
    y = x * 1
    y[:, 0].mul_(w[0])
    y[:, 1].add_(2.0)
    return y


class _Made(nn.Module):
    def __init__(self, made: Made, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 4, 5, dtype=dtype))
        self._made = made

    def forward(self, x: Tensor) -> Tensor:
        return self._made(x, self.weight)


def _laid_out(shape: tuple[int, ...], layout: str, dtype: torch.dtype) -> Tensor:
    x = torch.randn(shape, dtype=dtype)
    if layout == "channels last":
        return x.to(memory_format=torch.channels_last)
    if layout == "strided":
        return torch.randn((*shape[:-1], shape[-1] * 2), dtype=dtype)[..., ::2]
    return x


def _replayed(name: str, layout: str, dtype: torch.dtype) -> Replay:
    if layout != "contiguous" and name == "view":
        layout = "contiguous"  # cannot be viewed so
    x = _laid_out((2, 3, 4, 5), layout, dtype)
    _, replay = trace(_Made(CASES[name], dtype), lambda model, x: model(x).double().sum(), x=x)
    replay.forward()
    return replay


def _floating(node: Node, reader: Reader) -> list[Ref]:
    return [ref for ref in dict.fromkeys(node.inputs()) if reader.value(ref, node.id).is_floating_point()]


def _close(ours: Tensor | None, theirs: Tensor | None, what: str) -> None:
    if theirs is None or ours is None:
        left = ours if theirs is None else theirs
        assert left is None or not left.any(), what
        return
    assert ours.shape == theirs.shape, what
    assert ours.dtype == theirs.dtype, what
    double = ours.dtype == torch.float64
    torch.testing.assert_close(ours, theirs, rtol=1e-9 if double else 1e-4, atol=1e-9 if double else 1e-5, msg=what)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8)
@given(
    layout=st.sampled_from(["contiguous", "channels last", "strided"]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    seed=st.integers(0, 999),
)
def test_a_shortcut_is_what_autograd_derives(name: str, layout: str, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    chance = random.Random(seed)
    replay = _replayed(name, layout, dtype)
    reader = Reader(replay)
    for node in replay.graph.nodes:
        floating = _floating(node, reader)
        if not floating:
            continue
        some = [ref for ref in floating if chance.random() < 0.6] or floating[:1]
        if node.op in DIRECT:
            _compare_pulled(node, reader, some, chance)
        if node.op in _EVERY or node.op in _PUSHES:
            _compare_pushed(node, reader, some)


def _compare_pulled(node: Node, reader: Reader, wrt: list[Ref], chance: random.Random) -> None:
    at = reader.at(node.id)
    results = [reader.value(NodeRef(node.id, out), None) for out in range(len(node.outs))]
    cotangents = [
        torch.randn_like(z) if z.is_floating_point() and (i == 0 or chance.random() < 0.5) else None
        for i, z in enumerate(results)
    ]
    ours = vjp(node, reader.graph, at, wrt, cotangents)
    theirs = by_autograd(node, reader.graph, at, wrt, cotangents)
    for ref, a, b in zip(wrt, ours, theirs, strict=True):
        _close(a, b, f"{node.op} by {ref}")


def _compare_pushed(node: Node, reader: Reader, moving: list[Ref]) -> None:
    at = reader.at(node.id)
    tangents = {ref: torch.randn_like(at(ref)) for ref in moving}
    ours = pushed(node, reader.graph, at, tangents)
    if ours is None:
        return
    try:
        theirs = _dual(node, tangents, reader)
    except RuntimeError:  # a dual number needs memory of its own
        theirs = _twice_backward(node, moving, tangents, reader)
    for out, tangent in ours.items():
        _close(tangent, theirs.get(out), f"{node.op} forward, result {out}, moving {moving}")


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, float("inf"), float("-inf"), float("nan")])),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 999),
)
def test_the_stabilised_quotient_is_its_definition(numbers: list[float], seed: int) -> None:
    torch.manual_seed(seed)
    z = torch.tensor(numbers)
    relevance = torch.randn(len(numbers)) * (torch.rand(len(numbers)) > 0.3)
    sign = torch.where(z >= 0, 1.0, -1.0)
    defined = torch.where(relevance == 0, 0.0, relevance / (z + 1e-6 * sign))
    torch.testing.assert_close(stabilised(relevance, z, 1e-6), defined, rtol=1e-6, atol=0, equal_nan=True)
