"""``print``'s expressions against NumPy, and what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.errors import UsageError
from dgmtui.session.expression import Reference, evaluate
from dgmtui.session.summary import summarise

A = torch.tensor([[1.0, -2.0], [3.0, float("inf")]])
TENSORS = {
    ("module", "enc.0"): A,
    ("module", "dec"): torch.tensor([1.0, 2.0, 4.0]),
    ("loss", "loss"): torch.tensor(2.5),
    ("param", "enc.0.weight"): torch.arange(6.0).reshape(2, 3),
    ("node", "17"): torch.tensor([True, False, True]),
}


def lookup(reference: Reference) -> torch.Tensor:
    try:
        tensor = TENSORS[reference.kind, reference.name]
    except KeyError:
        raise UsageError(f"no {reference}") from None
    tensor = tensor if reference.sample is None else tensor[reference.sample : reference.sample + 1]
    return tensor if reference.unit is None else tensor[..., reference.unit]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss", 2.5),
        ("2 * loss + 1e-3", 5.001),
        ("max(dec) / mean(dec)", 4 / (7 / 3)),
        ("-min(dec) ** 2", -1.0),
        ("enc.0[1]@0", [-2.0]),
        ("enc.0@0", [[1.0, -2.0]]),
        ("enc.0[0]", [1.0, 3.0]),
        ("count(isinf(enc.0))", 1),
        ("param:enc.0.weight[1, 0:2]", [3.0, 4.0]),
        ("sum(param:enc.0.weight)", 15.0),
        ("count(node:17)", 2),
        ("mean(node:17)", 2 / 3),
        ("dec[0] - loss", -1.5),
        ("norm(dec) == sum(dec)", False),
        ("(1 + 2) * 3 // 2 % 3", 1),
        ("2 ** 3", 8.0),
        ("dec > 1.5", [False, True, True]),
        ("~(dec > 1.5) | (dec == 4)", [True, False, True]),
        ("1 < dec <= 4", [False, True, True]),
        ("(dec > 1) & ~isnan(dec)", [False, True, True]),
        ("param:enc.0.weight[-1, ::2]", [3.0, 5.0]),
        ("param:enc.0.weight[[1, 0], [0, 2]]", [3.0, 2.0]),
        ("dec[dec > 1.5]", [2.0, 4.0]),
        ("dec[argmax(dec)]", 4.0),
        ("mean(param:enc.0.weight, 0)", [1.5, 2.5, 3.5]),
        ("max(param:enc.0.weight, 1)", [2.0, 5.0]),
        ("argmin(param:enc.0.weight, -1)", [0, 0]),
        ("quantile(dec, 0.5)", 2.0),
        ("topk(dec, 2)", [4.0, 2.0]),
        ("sort(-dec)", [-4.0, -2.0, -1.0]),
        ("where(dec > 1, dec, 0)", [0.0, 2.0, 4.0]),
        ("clamp(dec, 1.5, 3)", [1.5, 2.0, 3.0]),
        ("shape(param:enc.0.weight)", [2, 3]),
        ("unique(node:17)", [False, True]),
        ("softmax(dec * 0)", [1 / 3] * 3),
        ("sum(softmax(param:enc.0.weight, 0), 0)", [1.0, 1.0, 1.0]),
        ("any(isinf(enc.0))", True),
        ("all(dec > 1)", False),
        ("var(dec) - std(dec) ** 2", 0.0),
        ("relu(-dec)", [0.0, 0.0, 0.0]),
        ("maximum(dec, 3)", [3.0, 3.0, 4.0]),
        ("count(param:enc.0.weight > 1, 1)", [1, 3]),
        ("10 ** 25 * 1", 1e25),
    ],
)
def test_values(text: str, expected: object) -> None:
    value = evaluate(text, lookup)
    got = value.double().numpy() if isinstance(value, torch.Tensor) else value
    np.testing.assert_allclose(got, np.asarray(expected, float), rtol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "loss.__class__",
        "loss.data",
        "[x for x in loss]",
        "(lambda: 1)()",
        "open('/etc/passwd')",
        "exec(loss)",
        "'text'",
        "loss if loss else loss",
        "max(loss, loss)",
        "mean(dec, 0.5)",
        "mean(dec, 7)",
        "topk(dec, 9)",
        "topk(dec)",
        "quantile(dec, 3)",
        "(-1) ** 0.5",
        "dec[[0.5]]",
        "dec['a']",
        "dec & 1.5",
        "~loss",
        "(0)[0]",
        "10 ** 10 ** 10",
        "9" * 400,
        "max(x=loss)",
        "loss := 2",
        "f'{loss}'",
        "",
        "1 +",
        "dec[99]",
        "1 / 0",
        "9.0 ** 9 ** 9 ** 9",
        "(" * 300 + "1" + ")" * 300,
        "1+" * 3000 + "1",
        "nowhere + 1",
        "loss[loss]",
        "dec @ dec",
        "1\x00",
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        evaluate(text, lookup)
    assert "\n" not in str(raised.value)


def test_an_error_points_at_its_place() -> None:
    for text, said in {
        "mean(dec) + maen(dec)": "'maen' is no function; did you mean mean: mean(dec) + ▸maen(dec)",
        "dec + nowhere * 2": "dec + ▸nowhere * 2",
        "sum(größe) + 1": "sum(▸größe) + 1",
        "param:enc.0.weight + mean(dec, 4)": "param:enc.0.weight + ▸mean(dec, 4)",
        "clamp(dec, 1)": "it is called as clamp(x, low, high): ▸clamp(dec, 1)",
        "param:enc.0.weight[0, 9] + 1": "param:enc.0.weight[▸0, 9] + 1",
    }.items():
        with pytest.raises(UsageError) as raised:
            evaluate(text, lookup)
        assert said in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["wide + tall", "maximum(wide, tall)", "where(wide > 0, tall, 1)", "wide[[0, 0, 0, 0, 0, 0]]", "wide[tall > 0, 0]"],
)
def test_what_would_fill_the_memory_is_refused_before_it_does(text: str) -> None:
    wide, tall = torch.zeros(1).expand(12_000_000).unsqueeze(0), torch.zeros(1).expand(12_000_000).unsqueeze(1)
    with pytest.raises(UsageError):
        evaluate(text, lambda reference: wide if reference.name == "wide" else tall)


PARTS = st.sampled_from(
    ["loss", "dec", "enc.0", "param:enc.0.weight", "node:17", "1", "-3", "0.5", "10**99", "[1:]", "[0]", "[[1,0]]", "(",
     ")", "+", "-", "**", "//", "%", "&", "|", "~", "<", "==", ",", "mean(", "topk(", "where(", "softmax(", "argmax(",
     "quantile(", "[dec>1]", "@1", "at", "and", "if", "lambda:", ".", "é", "\u4e00", "¸", "\0", "\n", "'"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=12).map("".join))
def test_no_mix_of_its_parts_breaks_it(text: str) -> None:
    try:
        summarise(evaluate(text, lookup))
    except UsageError as error:
        assert "\n" not in str(error)


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    try:
        evaluate(text, lookup)
    except UsageError:
        pass


def test_summary_counts_what_is_not_finite_and_ranges_over_what_is() -> None:
    said = summarise(torch.tensor([1.0, float("nan"), float("-inf"), -3.0]))
    assert (said.low, said.high, said.mean, said.elements, said.nan, said.inf) == (-3.0, 1.0, -1.0, 4, 1, 1)


@pytest.mark.parametrize("value", [3, 2.5, True, float("nan"), torch.empty(0), torch.tensor(float("inf"))])
def test_summary_of_what_is_small_or_empty(value: object) -> None:
    said = summarise(value)  # type: ignore[arg-type]
    assert said.elements == (value.numel() if isinstance(value, torch.Tensor) else 1)
