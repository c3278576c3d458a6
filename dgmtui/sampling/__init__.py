"""Blue-noise polyline sampling: the few series out of very many that show what all of them do. NumPy only."""

from dgmtui.sampling.population import Part, SeriesLike, place
from dgmtui.sampling.sample import Sample, pick, sample
from dgmtui.sampling.sketch import Columns, Sketch, Tell

__all__ = ["Columns", "Part", "Sample", "SeriesLike", "Sketch", "Tell", "pick", "place", "sample"]
