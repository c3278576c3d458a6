"""A discriminator that tells real from made so well that the generator learns nothing from it any more."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.games.game import Game, Standing, games, start_and_end, turn_losses
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector


@detector("discriminator_won")
def discriminator_won(case: Case) -> Iterator[Finding]:
    """One of two players tells all real samples from the other's, its loss is about zero, and stays so to the end."""
    for game in games(case):
        found = has_won(case, game)
        if found is not None:
            yield _finding(case, game, *found)


def has_won(case: Case, game: Game) -> tuple[list[Standing], float, float] | None:
    """Since when the judge is right about all, and what its loss was at the start and is at the end; None if not."""
    lasting = apart(case, game)
    losses = start_and_end(turn_losses(case, game.judge_turns))
    if not lasting or losses is None or lasting[-1].iteration < case.thresholds.game_iterations:
        return None
    start, end = losses
    return (lasting, start, end) if start > 0 and 0 <= end <= case.thresholds.judge_loss_left * start else None


def apart(case: Case, game: Game) -> list[Standing]:
    """The last standings in a row, to the end, in which the judge is right about all; none where they are few."""
    lasting: list[Standing] = []
    for each in reversed(game.standings):
        if each.area is None or each.area < case.thresholds.judged_apart:
            break
        lasting.insert(0, each)
    return lasting if len(lasting) >= case.thresholds.layer_snapshots else []


def _finding(case: Case, game: Game, lasting: list[Standing], start: float, end: float) -> Finding:
    last, first = lasting[-1], lasting[0]
    scores = (
        f" (its scores at iteration {last.iteration:,}: {np.mean(last.real):.3g} for real and "
        f"{np.mean(last.made):.3g} for made ones on average)"
        if last.real is not None and last.made is not None
        else ""
    )
    return Finding(
        kind="discriminator_won",
        severity=Severity.ERROR,
        iteration=last.iteration,
        onset=first.iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=game.judge_turns[0] or None,
        module=game.judge,
        value=last.area,
        message=(
            f"`{game.judge}` has won against `{game.maker}`: since iteration {first.iteration:,} it has told every "
            f"real sample from every made one{scores}, and its loss has fallen from {start:.3g} to {end:.2g}."
        ),
        advice=(
            "Give it less of an edge: a lower learning rate or fewer steps for it, more for the generator, smoothed "
            "labels, noise on its inputs, dropout or spectral norm in it, or a Wasserstein loss with a penalty."
        ),
        consequences=tuple(_consequences(case, game, lasting)),
        evidence=(
            Evidence(f"module {game.judge or '.'}", "what it gives"),
            Evidence(f"goto {last.iteration}", "the last snapshot of the game"),
        ),
        data={"maker": game.maker, "areas": {s.iteration: s.area for s in game.standings}},
    )


def _consequences(case: Case, game: Game, lasting: list[Standing]) -> Iterator[str]:
    losses = start_and_end(turn_losses(case, game.maker_turns))
    if losses is not None and losses[1] > losses[0]:
        yield f"The loss of `{game.maker}` has risen from {losses[0]:.3g} to {losses[1]:.3g}."
    gradients = [s.gradient for s in game.standings if s.gradient is not None]
    if len(gradients) > 1 and gradients[-1] < 0.1 * gradients[0]:
        yield (
            f"The gradient that reaches what `{game.maker}` makes has fallen from {gradients[0]:.2g} to "
            f"{gradients[-1]:.2g}."
        )
