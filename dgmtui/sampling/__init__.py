"""Blue-noise polyline sampling: the few series out of very many that show what all of them do. NumPy only."""

from dgmtui.sampling.backdrop import bands, density
from dgmtui.sampling.population import Part, SeriesLike, place
from dgmtui.sampling.sample import Sample, pick, sample, scale_for
from dgmtui.sampling.scale import Scale, fit_scale
from dgmtui.sampling.sketch import Columns, Sketch, Tell, part_of

__all__ = [
    "Columns", "Part", "Sample", "Scale", "SeriesLike", "Sketch", "Tell", "bands", "density", "fit_scale", "part_of",
    "pick", "place", "sample", "scale_for",
]  # fmt: skip
