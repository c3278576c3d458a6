"""Two players that train against each other, told from traces: who makes, who judges, and how the game stands."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.games.players import Play
from dgmtui.findings.layers.survey import Survey
from dgmtui.findings.visits import surveys
from dgmtui.recording.model import Measure, Quantity


@dataclass(frozen=True)
class Standing:
    """The game in one replayed iteration."""

    iteration: int
    area: float | None
    """The share of pairs of a real and a made sample of which the judge scores the real one higher, or lower where
    that is more; None where it does not give one score a sample."""
    real: NDArray[np.float64] | None
    """``[S]``, its scores of real samples."""
    made: NDArray[np.float64] | None
    """``[S]``, of made ones."""
    spread: float
    """Deviation of what the maker makes, over the samples of a batch."""
    real_spread: float
    """The same of the real batch."""
    noise_spread: float
    """The same of what the maker is given."""
    gradient: float | None
    """Norm of the maker's loss's gradient by what it made; None where none reached it."""


@dataclass(frozen=True)
class Game:
    """Over a recording."""

    judge: str
    maker: str
    judge_turns: tuple[str, ...]
    """Turns whose optimisers move the judge."""
    maker_turns: tuple[str, ...]
    standings: tuple[Standing, ...]
    """By iteration."""


def games(case: Case) -> Iterator[Game]:
    """Every maker and judge that different optimisers move, where the judge is called on real samples too."""
    all_plays = [play for survey in surveys(case) for play in survey.plays]
    real = {play.module for play in all_plays if play.real}
    pairs = dict.fromkeys((play.module, maker) for play in all_plays for maker in sorted(play.made_by))
    for judge, maker in pairs:
        turns = _moving(case, judge), _moving(case, maker)
        if judge in real and turns[0] and turns[1] and not set(turns[0]) & set(turns[1]):
            standings = tuple(_standings(surveys(case), judge, maker, turns))
            if standings:
                yield Game(judge, maker, *turns, standings)


def _moving(case: Case, module: str) -> tuple[str, ...]:
    """Turns after which a step moves parameters of a module, and those before it since the step of another.

    They are told by vote: the first iteration's steps may be noted with another turn's snapshot.
    """
    prefix = f"{module}." if module else ""
    votes: Counter[str] = Counter()
    waiting: list[str] = []
    iteration = -1
    for snapshot in case.snapshots:
        if snapshot.iteration != iteration:
            iteration, waiting = snapshot.iteration, []
        waiting.append(snapshot.turn)
        for step in snapshot.optimizers:
            paths = [path for group in step.groups for path in group.parameters]
            if any(path.startswith(prefix) for path in paths):
                votes.update(dict.fromkeys(waiting, 1))
        if snapshot.optimizers:
            waiting = []
    return tuple(turn for turn in sorted(votes) if 2 * votes[turn] > max(votes.values()))


def _standings(
    surveys: Iterable[Survey], judge: str, maker: str, turns: tuple[tuple[str, ...], tuple[str, ...]]
) -> Iterator[Standing]:
    by_iteration: dict[int, list[Survey]] = {}
    for survey in surveys:
        by_iteration.setdefault(survey.iteration, []).append(survey)
    for iteration, of_iteration in by_iteration.items():
        judging = [play for s in of_iteration if s.snapshot.turn in turns[0] for play in s.plays]
        making = [play for s in of_iteration if s.snapshot.turn in turns[1] for play in s.plays]
        real = next((p for p in judging if p.module == judge and p.real), None)
        made = next((p for p in judging if p.module == judge and maker in p.made_by), None)
        given = next((p for p in [*making, *judging] if p.module == maker), None)
        back = next((p for p in making if p.module == maker), None)
        if real is not None and given is not None:
            scores = None if made is None else made.scores
            yield Standing(
                iteration,
                None if real.scores is None or scores is None else area(real.scores, scores),
                real.scores,
                scores,
                given.spread,
                real.taken_spread,
                given.taken_spread,
                _gradient(back),
            )


@dataclass(frozen=True)
class Reading:
    """How far apart is what the maker makes, in a snapshot or a recorded row."""

    iteration: int
    spread: float
    real: float
    """Of real samples, at the nearest snapshot."""

    @property
    def ratio(self) -> float:
        """Of the two."""
        return self.spread / self.real


def readings(case: Case, game: Game) -> list[Reading]:
    """By iteration: the snapshots, and the rows where what is made are plain rows of numbers."""
    known = [each for each in game.standings if each.real_spread > 0 and each.noise_spread > 0]
    found = {each.iteration: Reading(each.iteration, each.spread, each.real_spread) for each in known}
    for iteration, spread in _of_rows(case, game.maker) if known else ():
        nearest = min(known, key=lambda each: abs(each.iteration - iteration))
        found.setdefault(iteration, Reading(iteration, spread, nearest.real_spread))
    return [found[iteration] for iteration in sorted(found)]


def _of_rows(case: Case, maker: str) -> Iterator[tuple[int, float]]:
    """Deviation over the batch in each recorded row, from the mean and root mean square of each unit."""
    module, channel = case.module(maker), case.channel(maker, Quantity.ACTIVATION)
    if module is None or channel is None or module.output_shape is None or len(module.output_shape) != 2:
        return
    mean, rms = (
        np.asarray(case.recording.series(channel, measure)[:], np.float64) for measure in (Measure.MEAN, Measure.RMS)
    )
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.maximum(rms**2 - mean**2, 0.0).mean(axis=1) if rms.shape[1] else np.full(len(rms), np.nan)
    for iteration, value in zip(case.recording.rows.tolist(), variance.tolist(), strict=False):
        if np.isfinite(value):
            yield int(iteration), float(np.sqrt(value))


def _gradient(play: Play | None) -> float | None:
    return None if play is None else play.gradient


def area(real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """The share of pairs in the commoner order, ties half: the area under the ROC curve."""
    above = np.sign(real[:, None] - made[None, :])
    share = float((above.mean() + 1) / 2)
    return max(share, 1 - share)


def turn_losses(case: Case, turns: tuple[str, ...]) -> NDArray[np.float64]:
    """``[I]``, the sum of the losses of some turns in each iteration; empty where they were not recorded."""
    names = [f"loss {turn}" for turn in turns]
    if not names or any(name not in case.recording.scalars for name in names):
        return np.empty(0)
    total: NDArray[np.float64] = np.sum([case.recording.scalar(name) for name in names], axis=0)
    return total


def start_and_end(losses: NDArray[np.float64]) -> tuple[float, float] | None:
    """Medians of the first 1/50 and the last 1/6; None where there is nothing finite."""
    finite = losses[np.isfinite(losses)]
    if len(finite) < 6:
        return None
    return float(np.median(finite[: max(1, len(finite) // 50)])), float(np.median(finite[-max(1, len(finite) // 6) :]))
