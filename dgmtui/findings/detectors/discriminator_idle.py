"""A discriminator that never learns, so that the generator has nothing to learn from."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.games.game import Game, games, start_and_end, turn_losses
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector


@detector("discriminator_idle")
def discriminator_idle(case: Case) -> Iterator[Finding]:
    """One of two players can't tell real samples from the other's, though these differ, and its loss never moves."""
    for game in games(case):
        losses = turn_losses(case, game.judge_turns)
        level = start_and_end(losses)
        long_enough = len(losses) >= case.thresholds.game_iterations
        if level is not None and long_enough and _is_idle(case, game, losses, level[0]):
            yield _finding(case, game, *level)


def _is_idle(case: Case, game: Game, losses: NDArray[np.float64], start: float) -> bool:
    """Its loss keeps its level in every tenth of the run, it orders no more pairs than at first, and could: what is
    made deviates otherwise than real samples do."""
    limits = case.thresholds
    areas = [each.area for each in game.standings if each.area is not None]
    if len(areas) < limits.layer_snapshots or start <= 0 or not np.isfinite(losses).all():
        return False
    levels = [float(np.median(part)) for part in np.array_split(losses, 10)]
    still = max(abs(level - start) for level in levels) <= limits.judge_undecided * start
    last = game.standings[-1]
    differ = not 0.5 <= last.spread / max(last.real_spread, 1e-30) <= 2.0
    return still and differ and max(areas) <= areas[0] + 0.1


def _finding(case: Case, game: Game, start: float, end: float) -> Finding:
    last = game.standings[-1]
    return Finding(
        kind="loss_stuck",
        severity=Severity.WARNING,
        iteration=last.iteration,
        onset=game.standings[0].iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=game.judge_turns[0] or None,
        module=game.judge,
        value=end,
        message=(
            f"`{game.judge}` has learned nothing: its loss is {end:.4g} and was {start:.4g} at the start, and it "
            f"orders {last.area:.0%} of the pairs of a real and a made sample rightly, though what `{game.maker}` "
            f"makes deviates by {last.spread:.3g} over a batch and real samples by {last.real_spread:.3g}."
        ),
        advice="See whether its optimiser holds its parameters and its rate is large enough, and give it more steps.",
        evidence=(Evidence(f"module {game.judge or '.'}", "what it gives"),),
        data={"maker": game.maker},
    )
