"""The dead chain as a table: each activation function with what feeds it, what it lets through, and since when not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.activations import Site, sites
from dgmtui.findings.layers.preactivations import Preactivations, input_of, parameter, preactivations
from dgmtui.findings.layers.rectifiers import Rectifier, matches, rectifiers

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay


@dataclass(frozen=True)
class DeadUnit:
    """One unit of a layer, in one replayed iteration."""

    unit: int
    samples: float
    """Share of samples for which it lets nothing through."""
    below: float
    """Share of what goes in that is at or below zero."""
    highest: float
    """Of what goes in."""
    from_weights: float | None
    """Mean over the batch of what the weights make of the input; None where the feeding layer has no bias."""
    bias: float | None
    weight: float | None
    """Mean weight of the unit."""


@dataclass(frozen=True)
class Layer:
    """One activation function in one replayed iteration, and since when its units are dead in the recorded rows."""

    site: Site
    here: Preactivations
    since: int | None
    """See ``Rectifier.onset``; None where no unit is dead in the recorded rows, or they do not tell."""
    complete: int | None
    recorded_dead: int | None
    """How many units are dead in the last recorded rows; None where they do not tell."""
    bias: tuple[float, float] | None
    """The range of the feeding layer's bias."""
    taken: tuple[float, float] | None
    """The range of what the feeding layer takes."""
    units: tuple[DeadUnit, ...]

    @property
    def dead(self) -> int:
        """How many units let nothing through for any sample."""
        return int(self.here.dead.sum())

    @property
    def cause(self) -> str:
        """Why units are dead here, in words and numbers; empty where none is."""
        if not self.dead or self.site.fed_by is None:
            return ""
        feeder, dead = self.site.fed_by, [unit for unit in self.units if unit.samples == 1.0]
        if self.taken == (0.0, 0.0):
            return f"{feeder} gets nothing but zeros, and gives its bias alone"
        if any(unit.from_weights is None or unit.bias is None for unit in dead):
            return ""
        weights = float(np.mean([unit.from_weights for unit in dead if unit.from_weights is not None]))
        bias = float(np.mean([unit.bias for unit in dead if unit.bias is not None]))
        takes = "its input" if self.taken is None else f"an input of {self.taken[0]:.3g} … {self.taken[1]:.3g}"
        return f"in its dead units {feeder} makes {weights:.3g} of {takes} on average, and its bias adds {bias:.3g}"


def dead_layers(case: Case, replay: "Replay") -> Iterator[Layer]:
    """Every activation function of a replayed iteration, in execution order.

    Raises:
        ReplayError: an operation can't be run again.
    """
    known = rectifiers(case)
    for site in sites(replay.graph):
        if not replay.value(next(replay.graph.nodes[site.node].inputs()), at=site.node).numel():
            continue
        here = preactivations(replay, site)
        yield _layer(replay, site, here, next((r for r in known if matches(r, site)), None))


def _layer(replay: "Replay", site: Site, here: Preactivations, recorded: Rectifier | None) -> Layer:
    bias, weight = (None, None) if site.fed_by is None else _parameters(replay, site.fed_by, len(here.shut))
    taken = None if site.fed_by is None else input_of(replay, site.fed_by)
    some = recorded is not None and bool(recorded.dead.any())
    return Layer(
        site,
        here,
        recorded.onset if some and recorded is not None else None,
        recorded.complete if some and recorded is not None else None,
        None if recorded is None else int(recorded.dead.sum()),
        None if bias is None else (float(bias.min()), float(bias.max())),
        None if taken is None or not taken.numel() else (float(taken.min()), float(taken.max())),
        tuple(_units(here, bias, weight)),
    )


def _units(
    here: Preactivations, bias: NDArray[np.float64] | None, weight: NDArray[np.float64] | None
) -> Iterator[DeadUnit]:
    for unit in range(len(here.shut)):
        own = None if bias is None else float(bias[unit])
        yield DeadUnit(
            unit,
            float(here.shut[unit]),
            float(here.unit_below[unit]),
            float(here.unit_highest[unit]),
            None if own is None else float(here.unit_mean[unit]) - own,
            own,
            None if weight is None else float(weight[unit]),
        )


def _parameters(
    replay: "Replay", module: str, units: int
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Bias and mean weight of each of a module's units; None where it has none, or not one a unit."""
    bias, weight = (parameter(replay, module, name) for name in ("bias", "weight"))
    biases = None if bias is None or bias.shape != (units,) else bias.double().numpy()
    if weight is None or weight.dim() == 0 or weight.shape[0] != units:
        return biases, None
    return biases, weight.double().reshape(units, -1).mean(dim=1).numpy()
