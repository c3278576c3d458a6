"""Which axis the batch lies along, whatever else the iteration was fed."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dgmtui.trace.batch import batch_axes
from dgmtui.trace.graph import OutsideRef


def axes(trace_once: Any, shape: tuple[int, ...], *others: torch.Tensor) -> dict[str, int]:
    model = nn.Linear(shape[-1], 3)
    x = torch.randn(shape)

    def step() -> torch.Tensor:
        return model(x).sum() + sum(o.float().sum() for o in others)  # type: ignore[no-any-return]

    case = trace_once(model, step, x=x, **{f"o{i}": o for i, o in enumerate(others)})
    return {ref.name: axis for ref, axis in batch_axes(case.graph).items() if isinstance(ref, OutsideRef)}


@pytest.mark.parametrize(
    ("shape", "others", "expected"),
    [
        ((8, 4), [], {"input:x": 0}),
        ((8, 4), [(8,)], {"input:x": 0, "input:o0": 0}),
        ((7, 8, 4), [(8,)], {"input:x": 1, "input:o0": 0}),
        ((8, 7, 4), [(7, 7)], {"input:x": 0}),
        ((8, 7, 4), [(8, 7)], {"input:x": 0, "input:o0": 0}),
        ((8, 4), [(4, 4)], {"input:x": 0}),
        ((8, 4), [()], {"input:x": 0}),
    ],
)
def test_axis_of_the_batch(
    trace_once: Any, shape: tuple[int, ...], others: list[tuple[int, ...]], expected: dict[str, int]
) -> None:
    assert axes(trace_once, shape, *(torch.ones(s, dtype=torch.int64) for s in others)) == expected


def test_a_spelt_out_tensor_is_no_batch(trace_once: Any) -> None:
    model, x = nn.Linear(4, 3), torch.randn(8, 4)
    case = trace_once(model, lambda: F.cross_entropy(model(x), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])), x=x)
    assert set(batch_axes(case.graph)) == {OutsideRef("input:x")}
    assert list(case.traced.literals) == ["input:literal0"]
