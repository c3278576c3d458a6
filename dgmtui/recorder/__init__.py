"""The training side: watches a training loop through PyTorch's global hooks and writes its recording."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgmtui.recorder.api import Recorder
    from dgmtui.recorder.engine import StopTraining
    from dgmtui.recorder.launch import RunOutcome, run_script

__all__ = ["Recorder", "RunOutcome", "StopTraining", "run_script"]

_HOMES = {
    "Recorder": "dgmtui.recorder.api",
    "StopTraining": "dgmtui.recorder.engine",
    "RunOutcome": "dgmtui.recorder.launch",
    "run_script": "dgmtui.recorder.launch",
}


def __getattr__(name: str) -> Any:
    """Load torch only with the first name that is used."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
