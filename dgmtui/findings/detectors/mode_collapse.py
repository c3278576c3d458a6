"""A generator whose outputs are all alike, and an encoder whose latent variables tell nothing of the sample."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.detectors.discriminator_won import apart
from dgmtui.findings.games import Game, Standing, games
from dgmtui.findings.latents import Latent
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector


@detector("mode_collapse")
def mode_collapse(case: Case) -> Iterator[Finding]:
    """A generator gives nearly the same for all noise though real samples differ, or a latent variable is ignored."""
    for game in games(case):
        lasting = _alike(case, game)
        if lasting and not apart(case, game):
            yield _generator(case, game, lasting)
    yield from _ignored(case)


def _alike(case: Case, game: Game) -> list[Standing]:
    """The last standings in a row, to the end, in which all that is made is alike and no longer grows apart."""
    limits = case.thresholds
    lasting: list[Standing] = []
    for each in reversed(game.standings):
        if not each.noise_spread > 0 or not each.spread <= limits.collapsed_spread * each.real_spread:
            break
        lasting.insert(0, each)
    if not lasting or lasting[-1].iteration < limits.game_iterations:
        return []
    if len(lasting) == 1:  # as the schedule doubles, it may be half the run: enough where outputs differed before
        most = max(each.spread for each in game.standings)
        return lasting if most > 2 * limits.collapsed_spread * lasting[0].real_spread else []
    grows = lasting[-1].spread > 2 * max(each.spread for each in lasting[:-1])
    return [] if grows else lasting


def _generator(case: Case, game: Game, lasting: list[Standing]) -> Finding:
    last, most = lasting[-1], max(game.standings, key=lambda each: each.spread)
    once = f" (at iteration {most.iteration:,} it was {most.spread:.3g})" if most.spread > 2 * last.spread else ""
    return Finding(
        kind="mode_collapse",
        severity=Severity.ERROR,
        iteration=last.iteration,
        onset=lasting[0].iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=game.maker_turns[0] or None,
        module=game.maker,
        value=last.spread / last.real_spread,
        message=(
            f"`{game.maker}` has collapsed: over a batch of different noise its outputs deviate by {last.spread:.3g} "
            f"only{once}, where real samples deviate by {last.real_spread:.3g}; so at each snapshot since iteration "
            f"{lasting[0].iteration:,}."
        ),
        advice=(
            "Lower the generator's learning rate or let the discriminator take more steps, show the discriminator the "
            "deviation over the batch (minibatch standard deviation), or use a Wasserstein loss with a penalty."
        ),
        evidence=(
            Evidence(f"module {game.maker or '.'}", "what it gives"),
            Evidence(f"goto {last.iteration}", "the last snapshot of the game"),
        ),
        data={"judge": game.judge, "spreads": {each.iteration: each.spread for each in game.standings}},
    )


def _ignored(case: Case) -> Iterator[Finding]:
    """Posterior collapse: every latent unit is the prior's for all samples, in the last snapshots."""
    limits = case.thresholds
    lasting: list[tuple[int, Latent]] = []
    for survey in reversed(case.surveys):
        if not survey.latents:
            continue
        latent = survey.latents[0]
        inactive = (latent.variance < limits.latent_active) & (latent.divergence < limits.latent_divergence)
        if not inactive.all():
            break
        lasting.insert(0, (survey.iteration, latent))
    if len(lasting) >= limits.layer_snapshots and lasting[-1][0] >= limits.game_iterations:
        yield _posterior(case, lasting)


def _posterior(case: Case, lasting: list[tuple[int, Latent]]) -> Finding:
    last, latent = lasting[-1]
    play = next((p for s in reversed(case.surveys) for p in s.plays), None)
    alike = (
        f" What comes out deviates by {play.spread:.3g} over the batch, what went in by {play.taken_spread:.3g}."
        if play is not None and np.isfinite(play.taken_spread) and play.spread < 0.5 * play.taken_spread
        else ""
    )
    encoder = f"`{latent.module}` gives" if latent.module else "the encoder gives"
    return Finding(
        kind="mode_collapse",
        severity=Severity.ERROR,
        iteration=last,
        onset=lasting[0][0],
        rank=case.recording.info.rank,
        phase="forward",
        module=latent.module,
        value=float(latent.divergence.sum()),
        message=(
            f"Posterior collapse: the latent variable is ignored. None of its {len(latent.variance)} units is active: "
            f"the mean that {encoder} varies by at most {latent.variance.max():.2g} over the samples, and the "
            f"distribution is the prior's for all of them ({latent.divergence.sum():.2g} nats from it in all), since "
            f"iteration {lasting[0][0]:,}.{alike}"
        ),
        advice=(
            "Weigh the KL term less (sum the reconstruction error over pixels as the KL term is summed over units; "
            "raise its weight slowly from 0, or leave free bits), or make the decoder weaker."
        ),
        evidence=(
            *((Evidence(f"module {latent.module}", "the mean of the latent variable"),) if latent.module else ()),
            Evidence(f"goto {last}", "the last snapshot where it was seen"),
        ),
        data={"variance": latent.variance.tolist(), "divergence": latent.divergence.tolist()},
    )
