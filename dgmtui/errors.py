"""What can go wrong, as one small hierarchy; only the command line and the screen turn it into text."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes that scripts and CI rely on."""

    DONE = 0
    FINDING = 1
    """An error-level finding was made and ``--fail-on`` asked to hear of it; or ``check`` found damage."""
    USAGE = 2
    UNREADABLE = 3


class DgmtuiError(Exception):
    """An expected failure. Its message is one sentence that says what happened and what to do."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str = "", *, word: str | None = None) -> None:
        super().__init__(message)
        self.word = word
        """The word of the command line that is wrong; empty where one is missing; None where that is not said."""
        self.at: tuple[int, int] | None = None
        """Where in ``line`` that is, from and without, in characters; None where it is not known."""
        self.line = ""
        """The command line that ``at`` counts in: what was run, or the line of a script."""


class UsageError(DgmtuiError):
    """A command, an argument or a name that does not exist or does not fit."""


class RecordingError(DgmtuiError):
    """The recording can't be read."""

    exit_code = ExitCode.UNREADABLE


class ReplayError(DgmtuiError):
    """An iteration can't be run again: something is missing, or an operation is unknown or refused."""


class MissingTorch(DgmtuiError):
    """PyTorch is not installed where the recording is looked at."""

    def __init__(self) -> None:
        super().__init__(
            "this needs PyTorch, which is not installed here: `pip install torch`, or look at it where it was trained"
        )


class CreditError(DgmtuiError):
    """A target has no credit to assign, or an operation in its way is refused."""
