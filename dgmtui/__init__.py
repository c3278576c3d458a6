"""A terminal debugger for neural-network training that went wrong."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgmtui.recorder import Recorder
    from dgmtui.recording import open_recording

__version__ = "0.1.0"
__all__ = ["Recorder", "__version__", "open_recording"]


def __getattr__(name: str) -> Any:
    """Import public names when first used, so that ``import dgmtui`` loads neither torch nor textual (PEP 562)."""
    if name == "Recorder":
        from dgmtui.recorder import Recorder

        return Recorder
    if name == "open_recording":
        from dgmtui.recording import open_recording

        return open_recording
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
