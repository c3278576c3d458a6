"""Several tables of series as one population: the modules of a quantity, the ranks of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class SeriesLike(Protocol):
    """A NumPy array, an HDF5 dataset or what slices like them."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True)
class Part:
    """One table of the population; its series are numbered after those of the parts before it."""

    series: SeriesLike
    """``[R, U]``."""
    iterations: NDArray[np.int64]
    """``[R]``, ascending: the iteration of each row."""
    absent: NDArray[np.bool_] | None = None
    """``[R]``: rows that did not see these series and are not looked at; None: all did."""

    @property
    def units(self) -> int:
        """How many series it holds."""
        return int(self.series.shape[1])


def of_rows(series: SeriesLike) -> Part:
    """A table whose iterations are its rows."""
    return Part(series, np.arange(series.shape[0], dtype=np.int64))


def place(parts: Sequence[Part], index: int) -> tuple[int, int]:
    """Part number and column of the series ``index`` of the population; ``IndexError`` beyond the last."""
    for number, part in enumerate(parts):
        if index < part.units:
            return number, index
        index -= part.units
    raise IndexError("the population has no such series")


def working_dtype(parts: Sequence[Part]) -> type[np.float32] | type[np.float64]:
    """The float type that holds every value of all parts in range."""
    kinds = [np.dtype(part.series.dtype) for part in parts]
    small = all((k.kind == "f" and k.itemsize <= 4) or (k.kind in "iub" and k.itemsize <= 2) for k in kinds)
    return np.float32 if small else np.float64
