"""Edits applied one after another, and the replay that runs what comes of them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from dgmtui.errors import ReplayError
from dgmtui.trace.edits.iteration import Iteration
from dgmtui.trace.graph import validate
from dgmtui.trace.limits import check_graph
from dgmtui.trace.replay import Replay


class Edit(Protocol):
    """One change of an iteration; a frozen value, compared by identity."""

    @property
    def text(self) -> str:
        """The command line that it came from."""

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration changed.

        Raises:
            UsageError: it names what is not there.
            ReplayError: it can't be done to this iteration.
        """


def edited(replay: Replay, edits: Iterable[Edit]) -> tuple[Replay, Iteration]:
    """A new, unrun replay of the iteration that ``replay`` runs, changed by ``edits`` in order, and what it runs on.

    Raises:
        UsageError, ReplayError: an edit can't be done, or what comes of it can't be run.
    """
    iteration = Iteration.of(replay)
    for edit in edits:
        iteration = edit.apply(replace(iteration, said=""))
    try:
        validate(iteration.graph)
    except ValueError as error:
        raise ReplayError(f"the edited iteration can't be run: {error}") from error
    check_graph(iteration.graph)
    return iteration.replay(replay), iteration
