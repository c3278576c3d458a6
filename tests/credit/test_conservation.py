"""What starts is what ends: random architectures, every rule, both dtypes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from dgmtui.credit import Propagation
from dgmtui.credit.sweep import Ledger, Reader, Sweep

TOKENS, WIDTH = 6, 8
"""Every block takes and gives ``[batch, TOKENS, WIDTH]``."""


class Block(nn.Module):
    """A function of some layers."""

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def _channels_last(layer: nn.Module) -> Block:
    return Block(lambda x, inner: inner(x.transpose(1, 2)).transpose(1, 2), layer)


def _convolution_2d() -> Block:
    return Block(lambda x, conv: conv(x.unsqueeze(1)).sum(1), nn.Conv2d(1, 3, 3, padding=1))


def _up_and_down() -> Block:
    layers = nn.Conv1d(WIDTH, 4, 2, stride=2), nn.ConvTranspose1d(4, WIDTH, 2, stride=2)
    return Block(lambda x, down, up: up(F.relu(down(x.mT))).mT, *layers)


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "linear without bias": lambda: nn.Linear(WIDTH, WIDTH, bias=False),
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "convolution": lambda: _channels_last(nn.Conv1d(WIDTH, WIDTH, 3, padding=1)),
    "groups": lambda: _channels_last(nn.Conv1d(WIDTH, WIDTH, 3, padding=1, groups=2, bias=False)),
    "convolution 2d": _convolution_2d,
    "transposed": _up_and_down,
    "batch norm": lambda: _channels_last(nn.BatchNorm1d(WIDTH)),
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "group norm": lambda: _channels_last(nn.GroupNorm(2, WIDTH)),
    "rms norm": lambda: nn.RMSNorm(WIDTH),
    "average pool": lambda: Block(lambda x: F.avg_pool1d(x, 3, 1, 1)),
    "max pool": lambda: Block(lambda x: F.max_pool1d(F.pad(x, (1, 1)), 3, 1)),
    "skip": lambda: Block(lambda x, inner: x + F.relu(inner(x)), nn.Linear(WIDTH, WIDTH)),
    "concatenation": lambda: Block(
        lambda x, a, b: torch.cat([a(x), b(x)], -1), nn.Linear(WIDTH, 3), nn.Linear(WIDTH, WIDTH - 3)
    ),
    "gate": lambda: Block(lambda x, gate: x * torch.sigmoid(gate(x)), nn.Linear(WIDTH, WIDTH)),
    "glu": lambda: Block(lambda x, wide: F.glu(wide(x)), nn.Linear(WIDTH, 2 * WIDTH)),
    "product": lambda: Block(lambda x, a: x * F.silu(a(x)), nn.Linear(WIDTH, WIDTH)),
    "attention": lambda: Block(
        lambda x, heads: heads(x, x, x, need_weights=False)[0], nn.MultiheadAttention(WIDTH, 2, batch_first=True)
    ),
    "attention with weights": lambda: Block(
        lambda x, heads: heads(x, x, x)[0], nn.MultiheadAttention(WIDTH, 2, batch_first=True)
    ),
    "lstm": lambda: Block(lambda x, layer: layer(x)[0], nn.LSTM(WIDTH, WIDTH, batch_first=True)),
    "gru": lambda: Block(lambda x, layer: layer(x)[0], nn.GRU(WIDTH, WIDTH, batch_first=True)),
    "dropout": lambda: nn.Dropout(0.2),
    "bilinear": lambda: Block(lambda x, layer: layer(x, x), nn.Bilinear(WIDTH, WIDTH, WIDTH)),
}
RULES = [
    Propagation("epsilon", 1e-10),
    Propagation("gamma", 1e-10),
    Propagation("alphabeta", 1e-10),
    Propagation("alphabeta", 1e-10, alpha=1, beta=0),
    Propagation("composite", 1e-10),
]


def swept(run: Any, model: nn.Module, x: Tensor, propagation: Propagation) -> tuple[Ledger, float]:
    """The ledger of the largest output of the first sample, and its value."""
    replay = run(model, lambda model, x: model(x).sum(), backward=False, x=x)
    output = next(call for call in replay.graph.calls if call.parent < 0).outputs[0]
    value = replay.value(output)
    seed = torch.zeros_like(value)
    seed[0] = torch.where(value[0] == value[0].max(), value[0], 0.0)
    return Sweep(Reader(replay), propagation).run({output: seed}, lambda *_: False), float(seed.double().sum())


@pytest.mark.parametrize("name", list(BLOCKS))
@pytest.mark.parametrize("propagation", RULES, ids=["epsilon", "gamma", "alphabeta", "z plus", "composite"])
def test_every_block_keeps_what_it_is_given(run: Any, name: str, propagation: Propagation) -> None:
    model = nn.Sequential(BLOCKS[name]()).double()
    ledger, started = swept(run, model, torch.randn(3, TOKENS, WIDTH, dtype=torch.float64), propagation)
    assert sum(ledger.ended.values()) == pytest.approx(started, rel=1e-4)
    assert ledger.ended["inputs"] != 0
    assert not ledger.approximate_ops


architectures = st.lists(st.sampled_from(sorted(BLOCKS)), min_size=2, max_size=6)


@given(
    names=architectures,
    seed=st.integers(0, 2**16),
    propagation=st.sampled_from(RULES),
    dtype=st.sampled_from([torch.float64, torch.float32]),
)
@settings(max_examples=60, derandomize=True)
def test_random_architectures_keep_what_they_are_given(
    run: Any, names: list[str], seed: int, propagation: Propagation, dtype: torch.dtype
) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(*[BLOCKS[name]() for name in names]).to(dtype)
    ledger, started = swept(run, model, torch.randn(3, TOKENS, WIDTH).to(dtype), propagation)
    assert sum(ledger.ended.values()) == pytest.approx(started, rel=1e-4)
    assert not ledger.approximate_ops
