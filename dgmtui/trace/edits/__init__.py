"""Changes of one iteration: each turns its graph and tensors into others, and a replay says what comes of it."""

from dgmtui.trace.edits.dropping import DropSample, KeepSamples
from dgmtui.trace.edits.editing import Edit, edited
from dgmtui.trace.edits.iteration import Iteration
from dgmtui.trace.edits.outputs import ChangeOutput, Place
from dgmtui.trace.edits.replacing import ReplaceOperation
from dgmtui.trace.edits.setting import SetTensor
from dgmtui.trace.unary import Unary, unary

__all__ = [
    "ChangeOutput",
    "DropSample",
    "Edit",
    "Iteration",
    "KeepSamples",
    "Place",
    "ReplaceOperation",
    "SetTensor",
    "Unary",
    "edited",
    "unary",
]
