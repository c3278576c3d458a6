"""When the screen opens in the training's terminal: at a failure, at an exception, where the code asks for it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from dgmtui.recorder.holding import Answer, hold
from dgmtui.recorder.options import Options
from dgmtui.recorder.ranks import rank_and_world
from dgmtui.recorder.terminal import no_terminal


class Opening:
    """Asks whoever sits there; where nobody can be asked, says so in a sentence."""

    def __init__(self, options: Options, recording: Path, say: Callable[[str], None]) -> None:
        self.at_failures = options.on_nonfinite == "debug"
        """At the next failure the screen is opened."""
        self.asked_no_more = False
        """It is not to open again."""
        self._at_exceptions = options.on_exception == "debug"
        self._recording = recording
        self._say = say
        self._was_opened = False
        self._told: set[str] = set()

    def at_failure(self, iteration: int, message: str) -> bool:
        """Whether the training is to go on after it failed."""
        if why := _of_several() or no_terminal(self._say):
            self._say(f"the screen can't be opened, {why}: the training stops")
            return False
        first, self._was_opened = not self._was_opened, True
        answer = self._hold(message, ["first-nonfinite" if first else f"goto {iteration}", "training"])
        if answer in (Answer.GO_ON, Answer.GO_ON_FOR_GOOD):
            self._say(f"{message}; the training goes on")
            return True
        return False

    def wanted_at_exception(self) -> bool:
        """Whether the screen is to open where an exception ends the training, and can."""
        if not self._at_exceptions or self.asked_no_more:
            return False
        if why := _of_several() or no_terminal(self._say):
            self._say(f"the screen can't be opened, {why}: the exception ends the training")
            return False
        return True

    def nothing_to_show(self) -> None:
        """An exception came before there was an iteration."""
        if self._at_exceptions:
            self._say("the exception came before the first iteration: there is nothing to open the screen on")

    def at_exception(self, because: str) -> None:
        """Show what raised; nothing is asked."""
        self._hold(because, ["raised", "training"], ends=True)

    def may_at_call(self) -> bool:
        """Whether ``set_trace`` opens the screen here and now."""
        if self.asked_no_more:
            return False
        if why := _of_another_rank() or no_terminal(self._say):
            self._say_once(f"set_trace can't open the screen, {why}: the training goes on")
            return False
        return True

    def at_call(self, iteration: int, because: str) -> bool:
        """Whether the training is to stop where ``set_trace`` was called."""
        return self._hold(f"{because}{_others_wait()}", [f"goto {iteration}", "training"]) is Answer.STOP

    def _hold(self, because: str, commands: Sequence[str], *, ends: bool = False) -> Answer:
        answer = hold(self._recording, because, commands, self._say, ends=ends)
        if answer is Answer.GO_ON_FOR_GOOD:
            self.at_failures, self.asked_no_more = False, True
        return answer

    def _say_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say(text)


def _of_several() -> str:
    """Why no rank may hold still where one fails: a launcher ends all as soon as another one has ended."""
    _, world = rank_and_world()
    if world < 2:
        return ""
    return f"this is one of {world} ranks and the others would not wait"


def _of_another_rank() -> str:
    rank, world = rank_and_world()
    return f"it opens on rank 0 only, and this is rank {rank}" if world > 1 and rank else ""


def _others_wait() -> str:
    """What the other ranks do meanwhile, where there are any."""
    if rank_and_world()[1] < 2:
        return ""
    patience = _patience()
    at_most = "" if patience is None else f" {patience.total_seconds() / 60:g} minutes at most"
    return f"; other ranks wait{at_most}"


def _patience() -> timedelta | None:
    """How long the other ranks wait for this one; None where that can't be known."""
    distributed: Any = torch.distributed
    try:
        group = distributed.group.WORLD
        device = torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
        known = group._get_backend(device).options._timeout
    except Exception:  # noqa: BLE001
        return None
    return known if isinstance(known, timedelta) else None
