"""A terminal debugger for neural-network training that went wrong."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgmtui.recorder import Recorder
    from dgmtui.recorder.engine import StopTraining
    from dgmtui.recorder.lightning_callback import LightningRecorder
    from dgmtui.recorder.set_trace import set_trace
    from dgmtui.recorder.transformers_callback import TransformersRecorder
    from dgmtui.recording import open_recording

__version__ = "0.1.0"
__all__ = [
    "LightningRecorder",
    "Recorder",
    "StopTraining",
    "TransformersRecorder",
    "Watcher",
    "__version__",
    "open_recording",
    "set_trace",
]
_HOMES = {
    "Recorder": "dgmtui.recorder",
    "StopTraining": "dgmtui.recorder.engine",
    "LightningRecorder": "dgmtui.recorder.lightning_callback",
    "TransformersRecorder": "dgmtui.recorder.transformers_callback",
    "Watcher": "dgmtui.findings.live",
    "open_recording": "dgmtui.recording",
    "set_trace": "dgmtui.recorder.set_trace",
}


def __getattr__(name: str) -> Any:
    """Import public names when first used, so that ``import dgmtui`` loads neither torch nor textual (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
