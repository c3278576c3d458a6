"""Where a module's units lie in its output: one definition for the recorder, births and credit."""

import functools
import re
from collections.abc import Sequence

_SPATIAL = re.compile(
    r"(?:Conv(?:Transpose)?|BatchNorm|InstanceNorm|(?:Adaptive)?(?:Max|Avg|LP)Pool|FractionalMaxPool|MaxUnpool"
    r"|Dropout|Upsample\w*|(?:Reflection|Replication|Zero|Constant|Circular)Pad)([123])d$"
)
_CHANNELS_FIRST = frozenset({"GroupNorm", "PixelShuffle", "Upsample", "PReLU", "ChannelShuffle"})
_CHANNELS_LAST = frozenset(
    {"Linear", "LayerNorm", "RMSNorm", "Embedding", "EmbeddingBag", "LSTM", "GRU", "RNN", "MultiheadAttention",
     "Bilinear", "LazyLinear", "NonDynamicallyQuantizableLinear", "TransformerEncoderLayer", "TransformerEncoder"}
)  # fmt: skip


def unit_axis(shape: Sequence[int], module_type: str = "") -> int | None:
    """The axis of an output of ``shape`` along which the units of a module of class ``module_type`` lie.

    Dimension 1 of two-dimensional and convolutional outputs, the last of (batch, time, feature); an unbatched
    convolution's is 0. None for fewer than two dimensions.
    """
    return _unit_axis(len(shape), module_type)


@functools.cache
def _unit_axis(dims: int, module_type: str) -> int | None:
    spatial = _SPATIAL.search(module_type)
    if spatial and not module_type.startswith("BatchNorm") and dims == int(spatial.group(1)) + 1 and dims > 1:
        return 0
    if dims < 2:
        return None
    if spatial or module_type in _CHANNELS_FIRST or dims == 2:
        return 1
    if module_type in _CHANNELS_LAST or dims == 3:
        return dims - 1
    return 1
