"""Iterations that one can jump to: those with a non-finite value, and those with a snapshot."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import NonFinite, Quantity, SnapshotInfo
from dgmtui.session.excluding import ROOT, Exclusions

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording


class Landmarks:
    """What the recording's index holds, together with the loss, which no module outputs; but for what is excluded.

    Args:
        explained: iterations of which everything is excluded, as far as replays told.
    """

    def __init__(
        self,
        recording: "Recording",
        exclusions: Exclusions | None = None,
        explained: Callable[[], frozenset[int]] = frozenset,
    ) -> None:
        self._recording = recording
        self._exclusions = Exclusions() if exclusions is None else exclusions
        self._explained = explained
        self._losses: NDArray[np.float64] = np.empty(0)
        self._bad_losses: NDArray[np.int64] = np.empty(0, np.int64)
        self._scalars: dict[str, NDArray[np.float64]] = {}

    @property
    def losses(self) -> NDArray[np.float64]:
        """``[T]``, read once and then only what is new."""
        count = self._recording.iteration_count
        if len(self._losses) != count:
            new = np.asarray(self._recording.losses(len(self._losses), count), np.float64)
            bad = np.flatnonzero(~np.isfinite(new)) + len(self._losses)
            self._losses = np.concatenate([self._losses, new])
            self._bad_losses = np.concatenate([self._bad_losses, bad])
        return self._losses

    def scalar(self, name: str) -> NDArray[np.float64]:
        """``[T]`` of a logged scalar, each number held until the next; read again only when the run has gone on.

        Raises:
            UsageError: none of that name was logged.
        """
        known = self._scalars.get(name)
        if known is None or len(known) != self._recording.iteration_count:
            self._scalars[name] = known = held(self._recording.scalar(name))
        return known

    def first_nonfinite(self) -> NonFinite | None:
        """The earliest of all; of one iteration, the one that the index names."""
        return (
            self.next_nonfinite(-1)
            if self._exclusions
            else _earliest(self._recording.first_nonfinite(), self._bad_loss(-1))
        )

    def next_nonfinite(self, iteration: int) -> NonFinite | None:
        """The earliest strictly after ``iteration``."""
        if not self._exclusions:
            return _earliest(self._recording.next_nonfinite(iteration), self._bad_loss(iteration))
        places = self._kept_places()
        later = int(np.searchsorted(self._recording.index.table[places, 0], iteration, "right"))
        return _earliest(self._entry(places, later), self._bad_loss(iteration))

    def previous_nonfinite(self, iteration: int) -> NonFinite | None:
        """The latest strictly before ``iteration``."""
        found = self._entry_before(iteration) if self._exclusions else self._recording.previous_nonfinite(iteration)
        before = self._bad_iterations()
        before = before[before < iteration]
        if not len(before) or (found is not None and found.iteration >= before[-1]):
            return found
        return self._as_nonfinite(int(before[-1]))

    def nonfinite_iterations(self) -> NDArray[np.int64]:
        """``[n]``, all that hold a non-finite value, ascending."""
        table = self._recording.index.table
        return np.union1d(table[self._kept_places(), 0], self._bad_iterations())

    def first_by_channel(self) -> list[int | None]:
        """Of each channel the iteration of its first; None where it has none but what is excluded."""
        recording = self._recording
        if not self._exclusions:
            return recording.first_nonfinite_iterations()
        first: list[int | None] = [None] * len(recording.channels)
        kept = recording.index.table[self._kept_places(), :2]
        for iteration, channel in kept[::-1].tolist():
            first[channel] = iteration
        return first

    def leaves_out(self, module: str, iteration: int) -> bool:
        """Whether what a module gave out at an iteration is excluded."""
        return bool(self._exclusions) and (self._exclusions.match((module or ROOT,)) or iteration in self._explained())

    @property
    def left_out(self) -> tuple[object, ...]:
        """What is excluded as of now, to tell whether that is still so."""
        return (self._exclusions.patterns, self._explained()) if self._exclusions else ()

    def next_snapshot(self, iteration: int) -> SnapshotInfo | None:
        """The earliest strictly after ``iteration``."""
        after = [s for s in self._recording.snapshots if s.iteration > iteration]
        return min(after, key=lambda s: s.iteration, default=None)

    def previous_snapshot(self, iteration: int) -> SnapshotInfo | None:
        """The latest strictly before ``iteration``."""
        before = [s for s in self._recording.snapshots if s.iteration < iteration]
        return max(before, key=lambda s: s.iteration, default=None)

    def _bad_iterations(self) -> NDArray[np.int64]:
        _ = self.losses  # takes in what is new
        return self._bad_losses if not self._exclusions else self._unexplained(self._bad_losses)

    def _unexplained(self, iterations: NDArray[np.int64]) -> NDArray[np.int64]:
        kept: NDArray[np.int64] = iterations[~np.isin(iterations, list(self._explained()))]
        return kept

    def _kept_places(self) -> NDArray[np.int64]:
        """Places in the index's table of what is not excluded, by iteration."""
        table = self._recording.index.table
        if not self._exclusions:
            return np.arange(len(table))
        kept = self._exclusions.kept_entries(table, self._recording.channels)
        return np.flatnonzero(kept & ~np.isin(table[:, 0], list(self._explained())))

    def _entry(self, places: NDArray[np.int64], which: int) -> NonFinite | None:
        if not 0 <= which < len(places):
            return None
        return self._recording.index.at(int(places[which]), self._recording.channels)

    def _entry_before(self, iteration: int) -> NonFinite | None:
        """The first of the last iteration before this one."""
        places = self._kept_places()
        at = self._recording.index.table[places, 0]
        count = int(np.searchsorted(at, iteration, "left"))
        return self._entry(places, int(np.searchsorted(at, at[count - 1], "left"))) if count else None

    def _bad_loss(self, after: int) -> NonFinite | None:
        later = self._bad_iterations()
        later = later[later > after]
        return self._as_nonfinite(int(later[0])) if len(later) else None

    def _as_nonfinite(self, iteration: int) -> NonFinite:
        value = self._losses[iteration]
        kinds = (int(np.isnan(value)), int(value == np.inf), int(value == -np.inf))
        return NonFinite(iteration, "", Quantity.ACTIVATION, None, *kinds)


def held(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each NaN replaced by the last number before it; those before the first stay."""
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(latest >= 0, values[latest], np.nan)


def _earliest(indexed: NonFinite | None, loss: NonFinite | None) -> NonFinite | None:
    if indexed is None or loss is None:
        return indexed or loss
    return indexed if indexed.iteration <= loss.iteration else loss
