"""The recording: one HDF5 file made while training, written and read here with NumPy and h5py only."""

from typing import TYPE_CHECKING, Any

from dgmtui.recording.model import (
    MEASURES,
    STATISTICS,
    Channel,
    End,
    Event,
    Match,
    Measure,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    SnapshotInfo,
    StoredTensor,
    TensorSpec,
    Verdict,
)

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording, open_recording

__all__ = [
    "MEASURES",
    "STATISTICS",
    "Channel",
    "End",
    "Event",
    "Match",
    "Measure",
    "ModuleInfo",
    "NonFinite",
    "Quantity",
    "Recording",
    "RunInfo",
    "SnapshotInfo",
    "StoredTensor",
    "TensorSpec",
    "Verdict",
    "open_recording",
]


def __getattr__(name: str) -> Any:
    """Import the reader when first used: the types alone need no h5py (PEP 562)."""
    if name in ("Recording", "open_recording"):
        from dgmtui.recording import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
