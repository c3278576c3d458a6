"""The measures of the sampling, beside random picks, k-means medoids and farthest-point; then what it costs."""

from collections.abc import Iterable

from sampling import quality
from table import BenchRow


def rows() -> Iterable[BenchRow]:
    """All lines of the table in SAMPLING.md."""
    yield from quality.rows()
