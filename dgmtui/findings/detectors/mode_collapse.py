"""A generator whose outputs are all alike, and an encoder whose latent variables tell nothing of the sample."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.detectors.discriminator_won import has_won
from dgmtui.findings.games.game import Game, Reading, games, readings
from dgmtui.findings.games.latents import Latent
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import surveys


@detector("mode_collapse")
def mode_collapse(case: Case) -> Iterator[Finding]:
    """A generator gives nearly the same for all noise though real samples differ, or a latent variable is ignored."""
    for game in games(case):
        found = None if has_won(case, game) else _collapsed(case, readings(case, game))
        if found is not None:
            yield _generator(case, game, *found)
    yield from _ignored(case)


def _collapsed(case: Case, read: list[Reading]) -> tuple[list[Reading], Reading] | None:
    """The readings in which all that is made is alike, and the widest before them; None where that is no collapse.

    It is one where it lasts to the end, or where what was apart before became alike and is not as it should be at the
    end either: alike, or flung far beyond the real samples.
    """
    limits = case.thresholds
    alike = [each for each in read if each.ratio <= limits.collapsed_spread]
    if not alike:
        return None
    fallen = [each for each in alike if any(r.iteration < each.iteration and r.ratio >= 0.5 for r in read)]
    if fallen and not 1 / limits.spread_apart <= read[-1].ratio <= limits.spread_apart:
        before = (r for r in read if r.iteration < fallen[0].iteration)
        return fallen, max(before, key=lambda each: each.spread)
    others = [i for i, each in enumerate(read) if each not in alike]
    lasting = read[others[-1] + 1 if others else 0 :]
    if len(lasting) < 2 or lasting[-1].iteration < limits.game_iterations:
        return None
    grows = lasting[-1].spread > 2 * max(each.spread for each in lasting[:-1])
    return None if grows else (lasting, max(read, key=lambda each: each.spread))


def _generator(case: Case, game: Game, alike: list[Reading], widest: Reading) -> Finding:
    last, first = alike[-1], alike[0]
    once = f" (at iteration {widest.iteration:,} it was {widest.spread:.3g})" if widest.spread > 2 * last.spread else ""
    again = f", the first of {len(alike)} times at iteration {first.iteration:,}" if len(alike) > 1 else ""
    return Finding(
        kind="mode_collapse",
        severity=Severity.ERROR,
        iteration=last.iteration,
        onset=first.iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=game.maker_turns[0] or None,
        module=game.maker,
        value=last.ratio,
        message=(
            f"`{game.maker}` has collapsed: at iteration {last.iteration:,} its outputs for a batch of different noise "
            f"deviate by {last.spread:.3g} only{once}, where real samples deviate by {last.real:.3g}{again}."
        ),
        advice=(
            "Lower the generator's learning rate or let the discriminator take more steps, show the discriminator the "
            "deviation over the batch (minibatch standard deviation), or use a Wasserstein loss with a penalty."
        ),
        evidence=(
            Evidence(f"module {game.maker or '.'}", "what it gives"),
            Evidence(f"goto {last.iteration}", "the last time that it was seen"),
        ),
        data={"judge": game.judge, "spreads": {each.iteration: each.spread for each in game.standings}},
    )


def _ignored(case: Case) -> Iterator[Finding]:
    """Posterior collapse: every latent unit is the prior's for all samples, in the last snapshots."""
    limits = case.thresholds
    lasting: list[tuple[int, Latent]] = []
    for survey in reversed(surveys(case)):
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
    play = next((p for s in reversed(surveys(case)) for p in s.plays), None)
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
