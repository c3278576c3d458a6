"""LSTM and GRU against Arras et al. 2017: gates get nothing, what they gate gets all, sums share by size."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dgmtui.credit import Propagation
from dgmtui.credit.sweep import Ledger, Reader, Sweep

TINY = 1e-8
Array = NDArray[np.float64]


class First(nn.Module):
    """A recurrent layer's outputs alone."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *inputs: Tensor) -> Tensor:
        found = self.layer(*inputs)
        return found[0] if isinstance(found, tuple) else found


def passed(run: Any, model: nn.Module, relevance: Tensor, **inputs: Tensor) -> tuple[Ledger, list[str]]:
    replay = run(model, lambda model, **given: model(*given.values()).sum(), backward=False, **inputs)
    output = next(call for call in replay.graph.calls if call.parent < 0).outputs[0]
    ledger = Sweep(Reader(replay), Propagation(epsilon=TINY)).run({output: relevance}, lambda *_: False)
    return ledger, [node.name for node in replay.graph.nodes]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def lstm_oracle(x: Array, layer: nn.LSTM, r: Array) -> tuple[Array, float]:
    """One layer, one direction, ``x`` ``[T, B, F]``; in NumPy, sample by sample and cell by cell."""
    w, u, b, d = (t.detach().double().numpy() for t in layer._flat_weights)
    size = u.shape[1]
    steps, out, bias = [], np.zeros_like(x), 0.0
    h, c = np.zeros((x.shape[1], size)), np.zeros((x.shape[1], size))
    for time in range(len(x)):
        i, f, g, o = np.split(x[time] @ w.T + h @ u.T + b + d, 4, axis=1)
        steps.append((h, c, sigmoid(i), sigmoid(f), g))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    to_h, to_c = np.zeros_like(h), np.zeros_like(c)
    rows = slice(2 * size, 3 * size)
    for time in reversed(range(len(x))):
        h, c, i, f, g = steps[time]
        to_c = to_c + to_h + r[time]
        to_h = np.zeros_like(h)
        for n, j in np.ndindex(*c.shape):
            now = f[n, j] * c[n, j] + i[n, j] * np.tanh(g[n, j])
            to_candidate = i[n, j] * np.tanh(g[n, j]) / now * to_c[n, j]
            to_c[n, j] = f[n, j] * c[n, j] / now * to_c[n, j]
            share = to_candidate / g[n, j]
            out[time, n] += x[time, n] * w[rows][j] * share
            to_h[n] += h[n] * u[rows][j] * share
            bias += (b[rows][j] + d[rows][j]) * share
    return out, bias


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_lstm_layer(run: Any, dtype: torch.dtype) -> None:
    """In float32 the CPU runs one fused kernel a layer, in float64 one operation at a time."""
    layer = nn.LSTM(4, 3).to(dtype)
    x, r = torch.randn(5, 2, 4, dtype=dtype), torch.randn(5, 2, 3, dtype=dtype)
    ledger, ops = passed(run, First(layer), r, x=x)
    oracle, bias = lstm_oracle(x.double().numpy(), layer, r.double().numpy())
    tolerance = 2e-3 if dtype == torch.float32 else 1e-4
    difference = np.linalg.norm(ledger.arrived["input:x"].double().numpy() - oracle) / np.linalg.norm(oracle)
    assert difference < tolerance
    assert ledger.ended["bias"] == pytest.approx(bias, rel=tolerance, abs=tolerance)
    assert not ledger.approximate_ops
    assert ("aten.mkldnn_rnn_layer" in ops) == (dtype == torch.float32)
    assert sum(ledger.ended.values()) == pytest.approx(float(r.sum()), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_layers": 2},
        {"bidirectional": True},
        {"batch_first": True},
        {"bias": False},
        {"num_layers": 2, "bias": False},
    ],
)
def test_fused_layers_are_the_same_written_out(run: Any, settings: dict[str, Any]) -> None:
    layer = nn.LSTM(4, 3, **settings)
    wide = nn.LSTM(4, 3, **settings).double()
    wide.load_state_dict(layer.state_dict())
    x = torch.randn(5, 2, 4)
    r = torch.randn_like(layer(x)[0])
    by_kernel, ops = passed(run, First(layer), r, x=x)
    by_parts, _ = passed(run, First(wide), r.double(), x=x.double())
    assert "aten.mkldnn_rnn_layer" in ops
    one, other = by_kernel.arrived["input:x"].double(), by_parts.arrived["input:x"]
    assert float((one - other).norm() / other.norm()) < 5e-3


def test_relevance_of_the_last_states_goes_back_through_time(run: Any) -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LSTM(4, 3)

        def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
            _, (h, c) = self.layer(x, (h, c))
            return torch.cat([h, c], -1)

    inputs = {"x": torch.randn(5, 2, 4), "h": torch.randn(1, 2, 3), "c": torch.randn(1, 2, 3)}
    ledger, ops = passed(run, Last(), torch.ones(1, 2, 6), **inputs)
    assert "aten.mkldnn_rnn_layer" in ops
    assert all(bool(ledger.arrived[f"input:{name}"].any()) for name in inputs)
    assert sum(ledger.ended.values()) == pytest.approx(12, rel=1e-3)


def test_a_kernel_that_gives_something_else_is_linearised(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmtui.credit.rules.recurrent.agrees", lambda *_: False)
    ledger, _ = passed(run, First(nn.LSTM(4, 3)), torch.ones(5, 2, 3), x=torch.randn(5, 2, 4))
    assert list(ledger.approximate_ops) == ["aten.mkldnn_rnn_layer"]
    assert sum(ledger.ended.values()) == pytest.approx(30, rel=1e-3)


def gru_oracle(x: Array, h: Array, cell: nn.GRUCell, r: Array) -> tuple[Array, Array]:
    """``h' = (1 − z)·n + z·h`` with ``n = tanh(W x + r·(U h + d) + b)``: to x and h."""
    w, u, b, d = (t.detach().numpy() for t in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    size = h.shape[1]
    rows = slice(2 * size, 3 * size)
    (reset_x, update_x, new_x), (reset_h, update_h, new_h) = (
        np.split(part, 3, axis=1) for part in (x @ w.T + b, h @ u.T + d)
    )
    reset, update = sigmoid(reset_x + reset_h), sigmoid(update_x + update_h)
    before = new_x + reset * new_h
    to_x, to_h = np.zeros_like(x), np.zeros_like(h)
    for n, j in np.ndindex(*h.shape):
        new, old = (1 - update[n, j]) * np.tanh(before[n, j]), update[n, j] * h[n, j]
        to_h[n, j] += old / (new + old) * r[n, j]
        share = new / (new + old) * r[n, j] / before[n, j]
        to_x[n] += x[n] * w[rows][j] * share
        to_h[n] += reset[n, j] * h[n] * u[rows][j] * share
    return to_x, to_h


def test_a_gru_cell(run: Any) -> None:
    cell = nn.GRUCell(4, 3).double()
    x, h, r = (torch.randn(2, size, dtype=torch.float64) for size in (4, 3, 3))
    ledger, _ = passed(run, First(cell), r, x=x, h=h)
    to_x, to_h = gru_oracle(x.numpy(), h.numpy(), cell, r.numpy())
    np.testing.assert_allclose(ledger.arrived["input:x"], to_x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ledger.arrived["input:h"], to_h, rtol=1e-4, atol=1e-6)
    assert not ledger.approximate_ops
    assert sum(ledger.ended.values()) == pytest.approx(float(r.sum()), rel=1e-4)
