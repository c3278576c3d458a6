"""AttnLRP's rules (Achtibat et al. 2024) against their equations, and fused kernels against the same written out."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from dgmtui.credit import Propagation
from dgmtui.credit.sweep import Ledger, Reader, Sweep
from tests.credit.conftest import Call, sent_back

TINY = 1e-10
passed = partial(sent_back, epsilon=TINY)
Array = NDArray[np.float64]


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def kept(ledger: Ledger) -> float:
    return sum(ledger.ended.values())


def softmax_oracle(x: Array, r: Array) -> Array:
    """``R_i = x_i (R_i − s_i Σ_j R_j)`` over the last axis (eq. 12)."""
    out = np.zeros_like(x)
    for row in np.ndindex(*x.shape[:-1]):
        s = np.exp(x[row] - x[row].max())
        s /= s.sum()
        for i in range(x.shape[-1]):
            out[(*row, i)] = x[(*row, i)] * (r[(*row, i)] - s[i] * r[row].sum())
    return out


def test_softmax(run: Any) -> None:
    x, r = double(3, 4), double(3, 4)
    ledger = passed(run, Call(lambda _, x: torch.softmax(x, -1)), r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], softmax_oracle(x.numpy(), r.numpy()), rtol=1e-9)
    assert not ledger.approximate_ops
    assert kept(ledger) == pytest.approx(float(r.sum()))


def test_scores_that_are_masked_by_infinity_get_nothing(run: Any) -> None:
    x, r = double(3, 4), double(3, 4)
    mask = torch.tensor([[False, True, False, False]]).expand(3, 4)
    r[mask] = 0
    ledger = passed(run, Call(lambda _, x: torch.softmax(x.masked_fill(x > 0.5, -math.inf), -1)), r * (x <= 0.5), x=x)
    assert torch.isfinite(ledger.arrived["input:x"]).all()
    assert ledger.arrived["input:x"][x > 0.5].abs().sum() == 0


def test_log_softmax_is_linear_but_for_an_entropy(run: Any) -> None:
    x, r = double(3, 4), double(3, 4)
    ledger = passed(run, Call(lambda _, x: torch.log_softmax(x, -1)), r, x=x)
    p, oracle, entropy = torch.softmax(x, -1).numpy(), np.zeros((3, 4)), 0.0
    for n, j in np.ndindex(3, 4):
        z = float(torch.log_softmax(x, -1)[n, j])
        constant = float((p[n] * np.log(p[n])).sum())
        for i in range(4):
            oracle[n, i] += float(x[n, i]) * ((i == j) - p[n, i]) / z * float(r[n, j])
        entropy += constant / z * float(r[n, j])
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-7)
    assert ledger.ended["bias"] == pytest.approx(entropy, rel=1e-7)
    assert not ledger.approximate_ops


def layer_norm_oracle(x: Array, w: Array, b: Array, eps: float, r: Array) -> tuple[Array, float]:
    """Centring, then a constant divisor, then the affine map, each by LRP-ε (prop. 3.4), over the last axis."""
    out, bias = np.zeros_like(x), 0.0
    size = x.shape[-1]
    for row in np.ndindex(*x.shape[:-1]):
        deviation = math.sqrt(x[row].var() + eps)
        for j in range(size):
            centred = x[(*row, j)] - x[row].mean()
            y = centred / deviation * w[j] + b[j]
            share = r[(*row, j)] / y
            bias += b[j] * share
            for i in range(size):
                term = x[(*row, i)] * ((i == j) - 1 / size)
                out[(*row, i)] += term * w[j] / deviation * share
    return out, bias


def test_layer_norm(run: Any) -> None:
    model = nn.LayerNorm(5).double()
    model.weight.data, model.bias.data = double(5), double(5)
    x, r = double(2, 3, 5), double(2, 3, 5)
    ledger = passed(run, model, r, x=x)
    w, b = model.weight.detach().numpy(), model.bias.detach().numpy()
    oracle, bias = layer_norm_oracle(x.numpy(), w, b, model.eps, r.numpy())
    np.testing.assert_allclose(ledger.arrived["input:x"], oracle, rtol=1e-6, atol=1e-9)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-7)
    assert kept(ledger) == pytest.approx(float(r.sum()), rel=1e-6)


@pytest.mark.parametrize("affine", [True, False])
def test_norms_without_a_bias_keep_all(run: Any, affine: bool) -> None:
    x, r = double(2, 6, 5), double(2, 6, 5)
    for model in (nn.GroupNorm(2, 6, affine=affine), nn.LayerNorm([6, 5], elementwise_affine=affine)):
        ledger = passed(run, model.double(), r, x=x)
        assert ledger.ended["inputs"] == pytest.approx(float(r.sum()), rel=1e-6)
        assert not ledger.approximate_ops


def test_group_norm_is_layer_norm_of_each_group(run: Any) -> None:
    model = nn.GroupNorm(2, 4).double()
    model.weight.data, model.bias.data = double(4), double(4)
    x, r = double(3, 4, 5), double(3, 4, 5)
    ledger = passed(run, model, r, x=x)
    w, b = (t.detach().repeat_interleave(5).view(2, 10).numpy() for t in (model.weight, model.bias))
    oracle, bias = np.zeros((3, 2, 10)), 0.0
    for group in range(2):
        part, constant = layer_norm_oracle(
            x.view(3, 2, 10)[:, group].numpy(), w[group], b[group], model.eps, r.view(3, 2, 10)[:, group].numpy()
        )
        oracle[:, group] += part
        bias += constant
    np.testing.assert_allclose(ledger.arrived["input:x"].view(3, 2, 10), oracle, rtol=1e-6, atol=1e-9)
    assert ledger.ended["bias"] == pytest.approx(bias, rel=1e-7)


@pytest.mark.parametrize("fused", [True, False])
def test_rms_norm_is_the_identity(run: Any, fused: bool) -> None:
    """Prop. 3.4: R_x = R, whatever the weight."""
    model = nn.RMSNorm(5, eps=1e-6).double()
    model.weight.data = double(5)
    x, r = double(4, 5), double(4, 5)

    def kernel(_: Any, x: Tensor) -> Tensor:
        result: Tensor = torch.ops.aten._fused_rms_norm(x, [5], torch.linspace(1, 2, 5, dtype=x.dtype) * 1, 1e-6)[0]
        return result

    ledger = passed(run, Call(kernel) if fused else model, r, x=x)
    np.testing.assert_allclose(ledger.arrived["input:x"], r, rtol=1e-6)
    assert not ledger.approximate_ops


def attention_oracle(q: Array, k: Array, v: Array, mask: Array, r: Array) -> tuple[Array, Array, Array, Array]:
    """One head by eq. 14 (both products halve) and eq. 12: relevance of q, k, v and of what is added to the scores."""
    rows, columns, size = len(q), len(k), q.shape[1]
    scale = 1 / math.sqrt(size)
    to_q, to_k, to_v, to_mask = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v), np.zeros_like(mask)
    scores = np.array([[float(q[i] @ k[j]) * scale + mask[i, j] for j in range(columns)] for i in range(rows)])
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    out = p @ v
    to_p = np.zeros_like(p)
    for i, d, j in itertools.product(range(rows), range(v.shape[1]), range(columns)):
        half = p[i, j] * v[j, d] / out[i, d] * r[i, d] / 2
        to_p[i, j] += half
        to_v[j, d] += half
    to_scores = np.zeros_like(p)
    for i, j in itertools.product(range(rows), range(columns)):
        if np.isfinite(scores[i, j]):
            to_scores[i, j] = scores[i, j] * (to_p[i, j] - p[i, j] * to_p[i].sum())
    for i, j in itertools.product(range(rows), range(columns)):
        if not np.isfinite(scores[i, j]):
            continue
        to_mask[i, j] = mask[i, j] / scores[i, j] * to_scores[i, j]
        for d in range(size):
            half = q[i, d] * k[j, d] * scale / scores[i, j] * to_scores[i, j] / 2
            to_q[i, d] += half
            to_k[j, d] += half
    return to_q, to_k, to_v, to_mask


def fused(_: Any, q: Tensor, k: Tensor, v: Tensor, **settings: Any) -> Tensor:
    return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None], **settings)[:, 0]


@pytest.mark.parametrize("causal", [False, True])
def test_fused_attention(run: Any, causal: bool) -> None:
    q, k, v, r = double(2, 4, 3), double(2, 4, 3), double(2, 4, 3), double(2, 4, 3)
    ledger = passed(run, Call(lambda m, q, k, v: fused(m, q, k, v, is_causal=causal)), r, q=q, k=k, v=v)
    mask = np.where(np.tril(np.ones((4, 4))) > 0, 0.0, -np.inf) if causal else np.zeros((4, 4))
    for n in range(2):
        *parts, _ = attention_oracle(q[n].numpy(), k[n].numpy(), v[n].numpy(), mask, r[n].numpy())
        for name, part in zip("qkv", parts, strict=True):
            np.testing.assert_allclose(ledger.arrived[f"input:{name}"][n], part, rtol=1e-6, atol=1e-9)
    assert not ledger.approximate_ops
    assert kept(ledger) == pytest.approx(float(r.sum()), rel=1e-6)


def test_what_is_added_to_the_scores_takes_its_share(run: Any) -> None:
    q, k, v, r = double(1, 4, 3), double(1, 4, 3), double(1, 4, 3), double(1, 4, 3)
    model = Call(lambda m, q, k, v: fused(m, q, k, v, attn_mask=m.relative), relative=double(4, 4))
    ledger = passed(run, model, r, q=q, k=k, v=v)
    *parts, to_mask = attention_oracle(
        q[0].numpy(), k[0].numpy(), v[0].numpy(), model.relative.detach().numpy(), r[0].numpy()
    )
    np.testing.assert_allclose(ledger.arrived["input:q"][0], parts[0], rtol=1e-6, atol=1e-9)
    scores = float(r.sum()) - sum(part.sum() for part in parts)
    assert np.abs(to_mask).sum() > 0
    assert ledger.ended["bias"] == pytest.approx(scores, rel=1e-6)


def _settings() -> dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]]:
    return {
        "plain": lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        "causal": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        "scaled": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3),
        "from the batch": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=q[..., :5].mT * 1),
        "allowed": lambda q, k, v: F.scaled_dot_product_attention(
            q, k, v, attn_mask=(q > 0) | torch.eye(5, dtype=torch.bool)
        ),
    }


@pytest.mark.parametrize("name", list(_settings()))
def test_fused_attention_is_the_same_written_out(run: Any, name: str) -> None:
    """The kernel's rule against the rules of the operations that the mathematical backend runs."""
    attend = _settings()[name]
    inputs = {key: double(2, 2, 5, 5) for key in "qkv"}
    r = double(2, 2, 5, 5)

    def written_out(_: Any, *given: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            return attend(*given)

    by_kernel = passed(run, Call(lambda _, *given: attend(*given)), r, **inputs)
    by_parts = passed(run, Call(written_out), r, **inputs)
    for key in "qkv":
        torch.testing.assert_close(
            by_kernel.arrived[f"input:{key}"], by_parts.arrived[f"input:{key}"], rtol=1e-5, atol=1e-7
        )
    assert not by_kernel.approximate_ops


def test_heads_that_share_keys(run: Any) -> None:
    q, k, v, r = double(2, 4, 5, 3), double(2, 2, 5, 3), double(2, 2, 5, 3), double(2, 4, 5, 3)

    def grouped(_: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    def repeated(_: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1))

    one, other = (passed(run, Call(function), r, q=q, k=k, v=v) for function in (grouped, repeated))
    for name in "qkv":
        torch.testing.assert_close(one.arrived[f"input:{name}"], other.arrived[f"input:{name}"])


def test_attention_with_dropout_keeps_what_it_is_given(run: Any) -> None:
    q, r = double(1, 1, 4, 3), double(1, 1, 4, 3)
    model = Call(lambda _, q: F.scaled_dot_product_attention(q, 2 * q, q, dropout_p=0.3))
    replay = run(model, lambda m, q: m(q).sum(), backward=False, q=q)
    output = replay.graph.calls[0].outputs[0]
    r = torch.where(replay.value(output) == 0, 0.0, r)
    ledger = Sweep(Reader(replay), Propagation(epsilon=TINY)).run({output: r}, lambda *_: False)
    assert kept(ledger) == pytest.approx(float(r.sum()), rel=1e-6)


def test_a_kernel_that_gives_something_else_is_linearised(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgmtui.credit.rules.attention.agrees", lambda *_: False)
    q, r = double(1, 1, 4, 3), double(1, 1, 4, 3)
    ledger = passed(run, Call(lambda _, q: F.scaled_dot_product_attention(q, q, q)), r, q=q)
    assert list(ledger.approximate_ops) == ["aten._scaled_dot_product_flash_attention_for_cpu"]
    assert kept(ledger) == pytest.approx(float(r.sum()), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_kernels_agree_in_every_dtype(run: Any, dtype: torch.dtype) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).to(dtype)
    x = torch.randn(3, 5, 8).to(dtype)
    ledger = passed(run, layer, torch.rand(3, 5, 8), x=x)
    assert not ledger.approximate_ops


@pytest.mark.parametrize("need_weights", [True, False])
def test_multihead_attention_keeps_what_it_is_given(run: Any, need_weights: bool) -> None:
    attend = nn.MultiheadAttention(6, 2, batch_first=True).double()
    wrapped = Call(lambda m, x: m.attend(x, x, x, need_weights=need_weights)[0])
    wrapped.attend = attend
    x, r = double(2, 4, 6), double(2, 4, 6)
    ledger = passed(run, wrapped, r, x=x)
    assert kept(ledger) == pytest.approx(float(r.sum()), rel=1e-5)
    assert not ledger.approximate_ops
