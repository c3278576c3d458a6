"""What is done with a recording that is closed, and said of it."""

from pathlib import Path

from dgmtui.errors import DgmtuiError
from dgmtui.recorder.ranks import rank_and_world
from dgmtui.recording.compacting import compact
from dgmtui.recording.saying import compacted_words


def compacted(path: Path) -> str:
    """Compact a recording and say what came of it; where that fails it stays as it is, and nothing else fails."""
    try:
        return compacted_words(compact(path))
    except DgmtuiError as error:
        return f"{path} was not compacted: {error}"
    except KeyboardInterrupt:
        return f"{path} was not compacted: interrupted"
    except Exception as error:  # noqa: BLE001
        return f"{path} was not compacted ({type(error).__name__}: {error})"


def stopped_words(path: Path, iteration: int) -> str:
    """Why the run was stopped, and how to look at it."""
    return f"stopped: iteration {iteration} is not finite; look at it with: dgmtui {_shown(path)}"


def recorded_words(path: Path, iterations: int) -> str:
    """How much was recorded, and how to look at it."""
    return f"{iterations} iterations recorded; look at them with: dgmtui {_shown(path)}"


def _shown(path: Path) -> str:
    """The path, or a pattern of those of all ranks."""
    rank, world = rank_and_world()
    return str(path) if world < 2 else str(path).replace(f".rank{rank}", ".rank*")
