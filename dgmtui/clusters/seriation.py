"""An order of rows or columns in which like stand beside like."""

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering  # type: ignore[import-untyped]
from scipy.spatial.distance import pdist  # type: ignore[import-untyped]

MOST = 500
"""More rows are ordered by where their greatest value is: the optimal order of leaves takes N³ steps."""


def ordered(matrix: NDArray[np.floating]) -> NDArray[np.int64]:
    """An order of the rows of ``matrix`` ``[N, F]``: the leaves of a hierarchical clustering, neighbours as near as
    may be (Bar-Joseph, Gifford, Jaakkola 2001). Non-finite values count as zero."""
    rows = np.nan_to_num(np.asarray(matrix, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if len(rows) < 3 or not rows.shape[1]:
        return np.arange(len(rows))
    if len(rows) > MOST:
        return np.lexsort((-rows.max(axis=1), rows.argmax(axis=1)))
    apart = pdist(rows)
    order: NDArray[np.int64] = leaves_list(optimal_leaf_ordering(linkage(apart, "average"), apart)).astype(np.int64)
    return order
