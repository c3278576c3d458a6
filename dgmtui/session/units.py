"""What is known of the units so far: activations, clusters and relevance, each made when first asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.activations import Activations, activations_of
from dgmtui.session.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dgmtui.clusters import Clustering
    from dgmtui.credit import Target
    from dgmtui.session.replayed import Replayed
    from dgmtui.session.results import Results
    from dgmtui.session.view import UnitsTab

KEPT_BYTES = 1 << 28
"""Of activations."""


@dataclass(frozen=True, eq=False)
class Clustered:
    """The units of a module in clusters."""

    snapshot: SnapshotInfo
    module: str
    activations: Activations
    clustering: "Clustering"


@dataclass(frozen=True)
class UnitGroup:
    """Units that are looked at together."""

    module: str
    units: tuple[int, ...]
    text: str
    """``conv1[3]``, ``cluster 2 of conv1``."""
    cluster: int | None = None


class Units:
    """Lazy and cached; everything that needs torch or scikit-learn imports it when called."""

    def __init__(self, results: "Results") -> None:
        self._results = results
        self._activations: Kept[tuple[object, ...], Activations] = Kept(KEPT_BYTES)
        self._clustered: Kept[tuple[object, ...], Clustered] = Kept(16)
        self._numbers: dict[str, NDArray[np.int64]] = {}
        """Module → the cluster numbers of its units the last time; they stay, as far as may be."""
        self._asked: dict[str, int | None] = {}
        """Module → how many clusters were asked for the last time."""
        self.last: Clustered | None = None
        """Which clusters ``cluster:N`` means."""
        self.shown: dict[str, UnitsTab] = {}
        """Tab → what it shows: the answer of the last command for it."""

    def replayed(self, snapshot: SnapshotInfo) -> "Replayed":
        """The replay that everything here is taken from."""
        return self._results.replay(snapshot)

    def activations(self, snapshot: SnapshotInfo, module: str) -> Activations:
        """What a module gave out.

        Raises:
            UsageError: nothing that has units.
        """
        key = self._key(snapshot, module)
        found = self._activations.get(key)
        if found is None:
            found = activations_of(self.replayed(snapshot), module)
            self._activations.put(key, found, found.values.nbytes)
        return found

    def cluster(self, snapshot: SnapshotInfo, module: str, k: int | None = None) -> Clustered:
        """A module's units in clusters, which ``cluster:N`` then means.

        Raises:
            UsageError: they can't be clustered.
        """
        from dgmtui.clusters import cluster_units

        key = (*self._key(snapshot, module), k)
        found = self._clustered.get(key)
        if found is None:
            activations = self.activations(snapshot, module)
            self._results.progress().update(0.9, f"clustering {activations.values.shape[1]:,} units")
            made = cluster_units(activations.means, k, self._numbers.get(module))
            found = Clustered(snapshot, module, activations, made)
            self._clustered.put(key, found)
        self._numbers[module], self._asked[module] = found.clustering.labels, k
        self.last = found
        return found

    def cluster_again(self, snapshot: SnapshotInfo, module: str) -> Clustered:
        """As ``cluster``, into as many as the last time."""
        return self.cluster(snapshot, module, self._asked.get(module))

    def group(self, snapshot: SnapshotInfo, text: str) -> UnitGroup:
        """The units that ``text`` names: ``MODULE``, ``MODULE[UNIT]``, ``MODULE[3,17,40-48]`` or ``cluster:N``.

        Raises:
            UsageError: it names none.
        """
        if text.startswith("cluster:"):
            return self._cluster_named(text.removeprefix("cluster:"))
        from dgmtui.credit.typed import numbers, run_together, taken_apart

        try:
            typed = taken_apart(text)
        except UsageError as error:
            raise UsageError(f"units are named MODULE, MODULE[3,17,40-48] or cluster:N; not {text!r}") from error
        module = "" if typed.name == "." else typed.name
        found = self.activations(snapshot, module)
        name, count = module or "the root module", found.values.shape[1]
        units = tuple(range(count)) if typed.units is None else numbers(typed.units, count, name, "units")
        listed = name if typed.units is None else f"{name}[{run_together(units)}]"
        return UnitGroup(module, units, listed + (f" ({found.which})" if found.which else ""))

    def flows(
        self, snapshot: SnapshotInfo, source: Clustered, sink: Clustered
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each cluster of ``source`` puts into each of ``sink`` ``[A, B]``, and what there is in each ``[B]``.

        Raises:
            CreditError, UsageError: nothing goes from the one to the other.
        """
        from dgmtui.credit.between import unit_flows

        if source.activations.ref == sink.activations.ref:
            raise UsageError(f"{source.module} and {sink.module} give out the same values; name two other modules")
        flows, totals = unit_flows(
            self.replayed(snapshot).replay,
            source.activations.ref,
            sink.activations.ref,
            [group.units for group in sink.clustering.groups],
            progress=self._results.progress(),
        )
        by_unit: NDArray[np.float64] = flows.numpy()
        summed = np.stack([by_unit[list(group.units)].sum(axis=0) for group in source.clustering.groups])
        return summed, totals.numpy()

    def relevance(self, snapshot: SnapshotInfo, text: str) -> "tuple[Target, Mapping[str, NDArray[np.float32]]]":
        """The target that is named, and the relevance for it of every element of each input."""
        from dgmtui.credit.between import input_relevance

        target = self._results.crediting.target(snapshot, text)
        found = input_relevance(self.replayed(snapshot).replay, target, progress=self._results.progress())
        return target, {name: values.float().cpu().numpy() for name, values in found.items()}

    def _cluster_named(self, number: str) -> UnitGroup:
        if self.last is None:
            raise UsageError("there are no clusters yet; `clusters MODULE` makes them")
        found = self.last.clustering.group(int(number)) if number.isdecimal() else None
        if found is None:
            there = ", ".join(str(group.number) for group in self.last.clustering.groups)
            raise UsageError(f"{self.last.module or 'the root module'} has no cluster {number!r}; there are {there}")
        name = f"cluster {found.number} of {self.last.module or 'the root module'}"
        return UnitGroup(self.last.module, found.units, name, found.number)

    def _key(self, snapshot: SnapshotInfo, module: str) -> tuple[object, ...]:
        return snapshot.iteration, snapshot.turn, self._results.edits.of(snapshot), module
