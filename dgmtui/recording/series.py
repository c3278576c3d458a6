"""Series as the rest of the package sees them: an array ``[R, U]`` that is read where it is indexed."""

from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording.opening import reading


class SeriesLike(Protocol):
    """What a stored series, an h5py dataset and a NumPy array have in common: ``[R, U]``, float32."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any) -> Any: ...


class StoredSeries:
    """The whole rows of one series dataset; indexing reads from the file."""

    ndim = 2

    def __init__(self, dataset: h5py.Dataset, rows: int, path: Path, file: h5py.File) -> None:
        if dataset.shape[0] < rows:
            raise RecordingError(
                f"{path} holds {dataset.shape[0]} of {rows} rows of {dataset.name}: it is damaged; record again."
            )
        self._dataset = dataset
        self._path = path
        self._file = file  # which stays open as long as this is used
        self.shape: tuple[int, int] = (rows, int(dataset.shape[1]))
        self.dtype: np.dtype[Any] = dataset.dtype
        self._plain = dataset.chunks is not None and dataset.id.get_create_plist().get_nfilters() == 0

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Rows and units that are read together."""
        chunks: tuple[int, ...] | None = self._dataset.chunks
        return chunks

    @property
    def size(self) -> int:
        """Values in all."""
        return self.shape[0] * self.shape[1]

    def read_chunk(self, row: int, unit: int, out: NDArray[np.float32]) -> bool:
        """Read the chunk that begins at ``row`` and ``unit`` as it lies in the file into ``out``, of the chunks' shape.

        Returns:
            False where it does not lie there as numbers: it is compressed, was never written or is damaged. Indexing
            then reads it, or says what is wrong.
        """
        if not self._plain or out.dtype != self.dtype or not out.flags.c_contiguous:
            return False
        try:
            self._dataset.id.read_direct_chunk((row, unit), out=out.reshape(-1).view(np.uint8))
        except (OSError, RuntimeError, ValueError, TypeError):
            return False
        return True

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Any index of h5py's: the first selects rows, the second units."""
        parts = key if isinstance(key, tuple) else (key,)
        if not parts or parts[0] is Ellipsis:
            parts = (slice(None), *parts[1:])
        rows = self._rows(parts[0])
        with reading(self._path, str(self._dataset.name)):
            return self._read(rows, parts[1:])

    def _rows(self, key: Any) -> Any:
        count = self.shape[0]
        if isinstance(key, slice):
            return slice(*key.indices(count)) if key.step is None or key.step > 0 else np.arange(count)[key]
        if isinstance(key, int | np.integer):
            if not -count <= key < count:
                raise IndexError(f"row {key} of {count}")
            return int(key) % count
        places = np.arange(count)[key]
        return places

    def _read(self, rows: Any, rest: tuple[Any, ...]) -> Any:
        if not isinstance(rows, np.ndarray):
            return self._dataset[(rows, *rest)]
        if not len(rows):
            return self._dataset[(slice(0, 0), *rest)]
        unique, inverse = np.unique(rows, return_inverse=True)
        return self._dataset[(unique, *rest)][inverse]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole: NDArray[Any] = self[:]
        return whole if dtype is None else whole.astype(dtype)
