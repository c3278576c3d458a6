from typing import Any

from numpy.typing import NDArray

def measure(
    address: int,
    less: int,
    shape: tuple[int, ...],
    axis: int | None,
    wide: bool,
    norms: bool,
    renew: bool,
    statistics: NDArray[Any],
    series: NDArray[Any],
    /,
) -> int | None: ...
def is_finite(address: int, count: int, wide: bool, /) -> bool: ...
def bits_sum(address: int, count: int, wide: bool, /) -> int: ...
