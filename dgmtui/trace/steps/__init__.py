"""The optimiser's step that follows an iteration, taken again: new parameters, new state, and what came of it."""

from dgmtui.trace.steps.clipping import Clipping, clipping_of
from dgmtui.trace.steps.judging import judge
from dgmtui.trace.steps.loading import Held, load_steps
from dgmtui.trace.steps.taking import Taken, take
from dgmtui.trace.steps.updates import Moved, moved

__all__ = ["Clipping", "Held", "Moved", "Taken", "clipping_of", "judge", "load_steps", "moved", "take"]
