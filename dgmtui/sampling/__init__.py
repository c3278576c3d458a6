"""Blue-noise polyline sampling: the few series out of very many that show what all of them do. NumPy only."""

from dgmtui.sampling.sample import Sample, sample
from dgmtui.sampling.sketch import SeriesLike

__all__ = ["Sample", "SeriesLike", "sample"]
