"""Which models train in evaluation mode, and since when."""

from collections.abc import Iterable
from typing import Any

from dgmtui.recorder.window import Pass


class Modes:
    """Follows the training flag of each outermost module through the passes that a backward pass went back through."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}
        """Path → whether a pass of the last iteration that had it was in training mode."""
        self._now: dict[str, bool] = {}

    def see(self, passes: Iterable[Pass]) -> None:
        """Of one backward pass."""
        for one in passes:
            self._now[one.path] = one.training or self._now.get(one.path, False)

    def end_iteration(self) -> dict[str, bool]:
        """Those whose mode is another than before; a model is taken to be in training mode until it is seen not to."""
        changed = {path: mode for path, mode in self._now.items() if mode != self._known.get(path, True)}
        self._known |= self._now
        self._now = {}
        return changed


def told(changed: dict[str, bool]) -> tuple[str, dict[str, Any]]:
    """The message and data of the event that tells it."""
    parts = [
        f"{path or 'the model'} trains in {'training' if training else 'evaluation'} mode from here on"
        for path, training in changed.items()
    ]
    return "; ".join(parts), {"modules": changed}
