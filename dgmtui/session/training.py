"""The training that waits while one looks: on what, and what it is to do then."""

from dataclasses import dataclass


@dataclass
class WaitingTraining:
    """It holds still in the process that opened this screen until it is answered."""

    because: str
    """Why it waits: ``the loss of iteration 31 is not finite``."""
    ends: bool = False
    """It can't go on: an exception ends it."""
    answer: str = ""
    """``stop``, ``go-on`` or ``go-on-for-good``; empty until it is given."""
    asked: bool = False
    """The last thing said was the question whether it is to stop or to go on."""

    def line(self, line: str) -> str:
        """What a key's command line means now: ``g``, right after the question, lets the training go on."""
        return "resume-training" if self.asked and line == "goto " else line
