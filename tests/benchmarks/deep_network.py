"""A recording of a very large network, made without a training: many modules, and one with very many units."""

from pathlib import Path

import numpy as np

from dgmtui.recording.model import MEASURES, Channel, End, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter

INSIDE = (("norm", "LayerNorm"), ("q", "Linear"), ("k", "Linear"), ("v", "Linear"), ("proj", "Linear"),
          ("drop", "Dropout"), ("fc1", "Linear"), ("act", "GELU"), ("fc2", "Linear"))  # fmt: skip
HEAD = "head"
ILL_SINCE = 5


def write_deep(path: Path, blocks: int, units: int, rows: int = 12) -> Path:
    """``blocks`` transformer blocks of ten modules each and a head of ``units`` units.

    The fc1 of the block at 7/10 of the depth is infinite from iteration ``ILL_SINCE`` on, and the head's unit 3 in
    the last iteration.
    """
    modules = [ModuleInfo("", "Deep", None), ModuleInfo("blocks", "ModuleList", "")]
    for block in range(blocks):
        within = f"blocks.{block}"
        modules.append(ModuleInfo(within, "Block", "blocks", (8, 64)))
        modules += [ModuleInfo(f"{within}.{name}", type_, within, (8, 64)) for name, type_ in INSIDE]
    modules.append(ModuleInfo(HEAD, "Linear", "", (8, units), 1, ("weight",), f"in_features=64, out_features={units}"))
    channels = [Channel(module.path, Quantity.ACTIVATION, 0) for module in modules[2:-1]]
    channels.append(Channel(HEAD, Quantity.ACTIVATION, units))
    writer = RecordingWriter(path, RunInfo("2026", "0", "0", "3", "net.py", (), "/", "cpu", 1, "default", 1))
    writer.begin(modules, channels)
    ill = next(i for i, channel in enumerate(channels) if channel.module == f"blocks.{blocks * 7 // 10}.fc1")
    random = np.random.default_rng(0)
    for row in range(rows):
        statistics = np.zeros((len(channels), 9))
        statistics[:, :5] = np.abs(random.normal(size=(len(channels), 5)))
        statistics[ill, 7] = row >= ILL_SINCE
        values = random.normal(size=units).astype(np.float32)
        if row == rows - 1:
            values[3], statistics[-1, 7] = np.inf, 1
        writer.add_iteration(row, 1 / (1 + row), 0.01)
        writer.add_row(row, statistics, {(len(channels) - 1, m): values for m in MEASURES[Quantity.ACTIVATION]})
    writer.add_nonfinite(NonFinite(ILL_SINCE, channels[ill].module, Quantity.ACTIVATION, None, 0, 1, 0))
    writer.add_nonfinite(NonFinite(rows - 1, HEAD, Quantity.ACTIVATION, 3, 0, 1, 0))
    writer.close(End("finished", rows - 1, ""))
    return path
