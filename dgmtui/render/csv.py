"""Series as comma-separated values: a column of iterations, and one a series."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def columns_csv(name: str, iterations: NDArray[np.int64], columns: Sequence[tuple[str, NDArray[np.floating]]]) -> str:
    """A heading and a line an iteration; ``nan``, ``inf`` and ``-inf`` in letters, numbers that read back equal.

    Args:
        iterations: ``[R]``.
        columns: heading and values ``[R]`` of each.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name, *(heading for heading, _ in columns)])
    texts = [[str(value) for value in values] for _, values in columns]
    writer.writerows(zip(iterations.tolist(), *texts, strict=True))
    return out.getvalue()
