"""The measures of the sampling, beside random picks, k-means medoids and farthest-point; then what it costs."""

from collections.abc import Iterable

from sampling import cost, quality, zooming
from table import BenchRow


def rows() -> Iterable[BenchRow]:
    """All lines of the table in SAMPLING.md."""
    yield from quality.rows()
    yield from cost.rows()
    yield from zooming.rows()
