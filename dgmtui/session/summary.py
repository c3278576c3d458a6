"""What is said of a tensor or a number: shape, range, non-finite counts, and all of it where it is small."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from dgmtui.session.operations import range_of

if TYPE_CHECKING:
    import torch

Value: TypeAlias = "float | int | bool | torch.Tensor"

ROWS, COLUMNS = 16, 12
"""A tensor of no more is shown whole."""


@dataclass(frozen=True)
class Summary:
    """What is said of a tensor or a number."""

    shape: tuple[int, ...]
    dtype: str
    low: float | None
    """Least finite value; None where there is none."""
    high: float | None
    mean: float | None
    """Of the finite values."""
    elements: int
    nan: int
    inf: int
    values: tuple[float, ...] = field(default=())
    """The first few, flattened."""
    table: tuple[tuple[float | int | bool, ...], ...] = field(default=())
    """All of a small tensor of one or two dimensions, by rows; empty for any other."""


def summarise(value: Value, shown: int = 8) -> Summary:
    """Shape, dtype, range, mean and non-finite counts, with the first few values."""
    import torch

    tensor = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=_dtype_of(value))
    low, high, bad = range_of(tensor)
    nan = int(torch.isnan(tensor).sum()) if bad else 0
    real = tensor.abs() if tensor.is_complex() else tensor
    finite = real[torch.isfinite(real)].to(torch.float64)
    return Summary(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch.") if isinstance(value, torch.Tensor) else type(value).__name__,
        low=low,
        high=high,
        mean=float(finite.mean()) if finite.numel() else None,
        elements=tensor.numel(),
        nan=nan,
        inf=bad - nan,
        values=tuple(float(item) for item in real.flatten()[:shown]),
        table=_table(real),
    )


def _table(t: "torch.Tensor") -> tuple[tuple[float | int | bool, ...], ...]:
    rows = t.unsqueeze(0) if t.dim() == 1 else t
    if rows.dim() != 2 or not t.numel() or rows.shape[0] > ROWS or rows.shape[1] > COLUMNS:
        return ()
    return tuple(tuple(row) for row in rows.tolist())


def _dtype_of(value: Any) -> Any:
    import torch

    return {bool: torch.bool, int: torch.int64}.get(type(value), torch.float64)
