"""What is said of real failures: it has to be true of the operation, the number and the dtype."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dgmtui.findings.failures.explanations import explain

RANGE = "range of its dtype"
FAILURES: list[tuple[str, Callable[[Tensor], Tensor], float, str]] = [
    ("exp", torch.exp, 89.4, RANGE),
    ("log", torch.log, 0.0, "zero"),
    ("log", torch.log, -2.0, "negative number has no real logarithm"),
    ("sqrt", torch.sqrt, -1.0, "no real root"),
    ("rsqrt", torch.rsqrt, 0.0, "above zero"),
    ("pow", lambda x: x**-1.5, 0.0, "zero has no negative power"),
    ("pow", lambda x: torch.pow(x, 0.3), -2.0, "no real power"),
    ("pow", lambda x: x**3, 1e20, RANGE),
    ("acos", torch.acos, 1.0001, "no cosine"),
    ("atanh", torch.atanh, 1.0, "inside −1 … 1"),
    ("reciprocal", torch.reciprocal, 0.0, "inverse"),
    ("mul", lambda x: x * 1e30, 1e30, RANGE),
    ("lgamma", torch.lgamma, -1.0, "overflows"),
]


@pytest.mark.parametrize(("name", "function", "value", "said"), FAILURES, ids=[f"{f[0]} {f[2]}" for f in FAILURES])
def test_the_cause_is_true_of_what_happened(name: str, function: Any, value: float, said: str) -> None:
    single, double = (function(torch.tensor(value, dtype=dtype)) for dtype in (torch.float32, torch.float64))
    assert not single.isfinite()
    what = "nan" if single.isnan() else "inf" if single > 0 else "-inf"
    finite = bool(double.isfinite())
    row = explain(f"aten.{name}", "forward", what=what, value=value, in_float64=finite)
    assert said in row.cause and row.advice
    assert (RANGE in row.cause) == finite


@pytest.mark.parametrize("name", ["std", "var", "mean", "nll_loss_forward", "linalg_vector_norm"])
def test_what_holds_for_any_number_is_not_blamed_on_one(name: str) -> None:
    row = explain(f"aten.{name}", "forward", what="nan", regardless=True, in_float64=False)
    assert "{value}" not in row.cause and RANGE not in row.cause


def test_an_in_place_operation_is_explained_like_the_other() -> None:
    assert explain("aten.sqrt_", "forward", what="nan", value=-1.0) is explain("aten.sqrt", "forward", what="nan")
