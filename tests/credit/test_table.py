"""The class of every operation that a trace can hold, and complex numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgmtui.credit import Propagation, table
from dgmtui.credit.rules.apply import APPLY
from dgmtui.credit.sweep import Ledger, Reader, Sweep
from dgmtui.credit.table import LAYER_RULES, LAYERS, LayerRule, Rule, derived, packet, rule_of
from dgmtui.errors import CreditError
from dgmtui.trace.operations import resolve_op

WITHOUT_A_RULE = {
    "_embedding_bag", "atan2", "embedding", "fmod", "grid_sampler_2d", "prod", "remainder", "resize_", "scatter_reduce",
}  # fmt: skip
"""Core operations of floating tensors that are linearised; an embedding's input is an index, where relevance ends."""

NOT_FLOATING = {
    "any", "argmax", "argmin", "bitwise_and", "bitwise_or", "bitwise_xor", "eq", "fill", "full_like", "ge", "gt", "le",
    "logical_and", "logical_or", "logical_xor", "lt", "ne", "nonzero",
}  # fmt: skip
"""Their results are integers or booleans, or do not depend on their operand's values."""


def core_operations() -> Iterator[str]:
    """Every overload of core ATen that takes a tensor and gives one, but for derivatives and ``out=`` variants."""
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, rest = full.partition("::")
        base, _, overload = rest.partition(".")
        if namespace != "aten" or "backward" in base or "out" in overload.split("_"):
            continue
        try:
            op = resolve_op(f"aten.{base}.{overload or 'default'}")
        except Exception:
            continue
        takes = any("Tensor" in str(argument.type) for argument in op._schema.arguments)
        gives = any("Tensor" in str(result.type) for result in op._schema.returns)
        if takes and gives and torch.Tag.core in op.tags:
            yield f"aten.{base}.{overload or 'default'}"


def test_all_of_core_aten_has_a_rule_but_these() -> None:
    names = list(core_operations())
    assert len(names) > 150
    unruled = {name.split(".")[1] for name in names if rule_of(name) is Rule.LOCAL}
    assert unruled - NOT_FLOATING - {"_cdist_forward", "_pdist_forward"} == WITHOUT_A_RULE


def test_every_rule_has_a_function_and_every_kind_of_layer_a_rule() -> None:
    assert set(APPLY) == set(Rule)
    assert all(set(rules) == set(LAYERS) for rules in LAYER_RULES.values())
    assert LAYER_RULES["composite"]["convolution"] is LayerRule.Z_PLUS
    layers = [name for names in LAYERS.values() for name in names]
    assert len(layers) == len(set(layers))
    assert all(rule_of(f"aten.{name}.default") in (Rule.BILINEAR, Rule.BATCH_NORM) for name in layers)


def test_an_operation_stands_in_one_row() -> None:
    named = [name for names in table._ROWS.values() for name in names.split()]
    assert sorted(name for name in set(named) if named.count(name) > 1) == []


@pytest.mark.parametrize(
    ("op", "rule"),
    [
        ("aten.unflatten.int", Rule.MOVING),
        ("aten.detach.default", Rule.MOVING),
        ("aten.narrow.default", Rule.MOVING),
        ("aten.permute_copy.default", Rule.MOVING),
        ("aten.lgamma.default", Rule.ELEMENTWISE),
        ("aten.special_i0e.default", Rule.ELEMENTWISE),
        ("aten.logaddexp.default", Rule.LOCAL),
        ("aten.cumprod.default", Rule.LOCAL),
        ("prims.broadcast_in_dim.default", Rule.MOVING),
        ("prims.convert_element_type.default", Rule.ELEMENTWISE),
        ("aten.no_such_operation.default", Rule.LOCAL),
        ("custom.relu.default", Rule.LOCAL),
        ("nonsense", Rule.LOCAL),
    ],
)
def test_what_a_declaration_allows(op: str, rule: Rule) -> None:
    assert derived(op) is rule


def test_prims_have_the_rules_of_their_namesakes() -> None:
    assert rule_of("prims.mul.default") is Rule.BILINEAR
    assert rule_of("prims.sin.default") is Rule.ELEMENTWISE
    assert rule_of("custom.mul.Tensor") is Rule.LOCAL
    assert packet("prims.sin.default") == "sin"


def test_views_that_the_table_leaves_out_move_relevance(run: Any) -> None:
    x, r = double(4, 6), double(4, 3, 2)
    ledger = passed(run, Call(lambda x: torch.ops.aten.permute_copy(x.view(4, 3, 2), [0, 1, 2])), r, x=x)
    np.testing.assert_array_equal(ledger.arrived["input:x"], r.view(4, 6))


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        result: Tensor = self.function(*inputs)
        return result


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def passed(run: Any, model: nn.Module, relevance: Tensor, **inputs: Tensor) -> Ledger:
    replay = run(model, lambda model, **given: model(*given.values()).sum(), backward=False, **inputs)
    output = next(call for call in replay.graph.calls if call.parent < 0).outputs[0]
    return Sweep(Reader(replay), Propagation(epsilon=1e-10)).run({output: relevance}, lambda *_: False)


def test_rotary_embedding_is_a_rotation_of_real_pairs(run: Any) -> None:
    """By complex product, and the same written with cosine and sine."""

    def angles() -> Tensor:
        return torch.arange(1, 5, dtype=torch.float64).view(4, 1) / 3

    def complex_product(x: Tensor) -> Tensor:
        turned = torch.view_as_complex(x.view(4, 3, 2)) * torch.polar(torch.ones_like(angles()), angles())
        return torch.view_as_real(turned).flatten(1)

    x, r = double(4, 6), double(4, 6)
    ledger = passed(run, Call(complex_product), r, x=x)
    oracle = np.zeros((4, 3, 2))
    pairs, given = x.view(4, 3, 2).numpy(), r.view(4, 3, 2).numpy()
    for n, i in np.ndindex(4, 3):
        cos, sin = np.cos((n + 1) / 3), np.sin((n + 1) / 3)
        rotation = np.array([[cos, -sin], [sin, cos]])
        for out, into in np.ndindex(2, 2):
            term = rotation[out, into] * pairs[n, i, into]
            oracle[n, i, into] += term / (rotation[out] @ pairs[n, i]) * given[n, i, out]
    np.testing.assert_allclose(ledger.arrived["input:x"].view(4, 3, 2), oracle, rtol=1e-6)
    assert not ledger.approximate_ops


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.fft.irfft(torch.fft.rfft(x) * 0.5, n=6),
        lambda x: torch.view_as_real(torch.fft.fft(x)).flatten(1),
        lambda x: torch.fft.rfft(x).abs(),
        lambda x: (torch.fft.rfft(x) * torch.fft.rfft(x.flip(1))).real,
        lambda x: torch.view_as_real(torch.fft.rfft(x).conj().resolve_conj()),
    ],
    ids=["there and back", "parts", "magnitude", "product", "conjugate"],
)
def test_what_is_linear_in_both_parts_keeps_what_it_is_given(run: Any, function: Any) -> None:
    x = double(4, 6)
    z = function(x)
    r = torch.where(z.abs() > 1e-6, torch.rand_like(z), 0.0)
    ledger = passed(run, Call(function), r, x=x)
    assert sum(ledger.ended.values()) == pytest.approx(float(r.sum()), rel=1e-5)
    assert not ledger.approximate_ops


@pytest.mark.parametrize("function", [torch.exp, torch.angle, torch.sqrt, torch.tanh])
def test_other_functions_of_complex_numbers_are_refused_in_words(run: Any, function: Any) -> None:
    def model(x: Tensor) -> Tensor:
        return torch.view_as_real(function(torch.view_as_complex(x.view(4, 3, 2))) * (1 + 0j))

    with pytest.raises(
        CreditError, match=r"aten\.\w+ \(node \d+\) is a function of complex numbers .* ask for a target"
    ):
        passed(run, Call(model), torch.ones(4, 3, 2, dtype=torch.float64), x=double(4, 6))
