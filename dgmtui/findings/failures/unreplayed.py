"""Non-finite values of which no replay tells more: what the index, the statistics and the losses show."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case, Failure
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.recording.model import Match, NonFinite, Quantity, SnapshotInfo

PHASES = {
    Quantity.GRADIENT: "backward",
    Quantity.WEIGHT_GRADIENT: "backward",
    Quantity.WEIGHT: "update",
    Quantity.UPDATE: "update",
}
"""Where a non-finite value of a quantity was made; all others in ``forward``."""
WORDS = {"nan": "NaN", "inf": "Inf", "-inf": "−Inf"}


def from_another_rank(case: Case, failure: Failure, first: NonFinite | None) -> Finding:
    """A non-finite gradient where this rank's own pass is finite: it came with the average over the ranks."""
    where = "The gradient" if first is None else f"The weight gradient of {_named(first.module)}"
    count = int(failure.snapshot.extra.get("averaged_over", 0))
    return Finding(
        kind="nonfinite",
        severity=Severity.ERROR,
        iteration=failure.snapshot.iteration,
        rank=case.recording.info.rank,
        phase="backward",
        module=None if first is None else first.module,
        unit=None if first is None else first.unit,
        message=(
            f"{where} is not finite once it is averaged over {count} ranks; replayed, this rank's own pass is finite, "
            "forward and backward: the value came from another rank."
        ),
        advice="Open the recordings of all ranks together: dgmtui run.rank*.h5.",
        evidence=(Evidence(f"goto {failure.snapshot.iteration}", "the failing iteration"),),
        data={"from_another_rank": True},
    )


def from_statistics(case: Case, first: NonFinite) -> Finding:
    """What the index tells where no snapshot was replayed: the module, not the operation."""
    counts = ", ".join(
        f"{count} {name}"
        for name, count in (("NaN", first.nan), ("+Inf", first.posinf), ("−Inf", first.neginf))
        if count
    )
    return Finding(
        kind="nonfinite",
        severity=Severity.ERROR,
        iteration=first.iteration,
        rank=case.recording.info.rank,
        phase=PHASES.get(first.quantity, "forward"),
        module=first.module,
        unit=first.unit,
        message=(
            f"The {first.quantity.replace('_', ' ')} of {_named(first.module)} holds non-finite values "
            f"({counts}). This is what the statistics tell: {_why_no_more(case, first.iteration)}."
        ),
        advice=_advice(case, first.iteration, "Type `replay` to find the operation"),
        evidence=(Evidence(f"goto {first.iteration}", "the first non-finite value"),),
        data={"what": "nan" if first.nan else "inf", "count": first.nan + first.posinf + first.neginf},
    )


def from_losses(case: Case) -> Iterator[Finding]:
    """A non-finite loss although no module gave out a non-finite value."""
    losses = case.recording.losses()
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        yield Finding(
            kind="nonfinite",
            severity=Severity.ERROR,
            iteration=int(bad[0]),
            rank=case.recording.info.rank,
            phase="forward",
            value=float(losses[bad[0]]),
            message=(
                f"The loss is {WORDS[str(losses[bad[0]])]}, although no module gave out a non-finite value in what was "
                f"recorded: {_why_no_more(case, int(bad[0]))}."
            ),
            advice=_advice(case, int(bad[0]), "Look at the operations after the last module: type `replay`"),
            evidence=(Evidence(f"goto {bad[0]}", "the first non-finite loss"),),
        )


def _why_no_more(case: Case, iteration: int) -> str:
    differed = _differed(case, iteration)
    if differed is None:
        return "the iteration has not been replayed"
    return f"a replay of the iteration does not give it again ({differed.verdict.detail})"


def _advice(case: Case, iteration: int, otherwise: str) -> str:
    differed = _differed(case, iteration)
    if differed is None:
        return f"{otherwise}, where this iteration has a snapshot."
    if any(s.trace == differed.trace and s.iteration < iteration for s in case.recording.snapshots):
        return (
            "The script did here what it had not done when its operations were traced: look for an `if` or a number "
            f"that changes, and record again with `--snapshot {iteration}`, which traces this iteration itself."
        )
    return "Look at what the script draws or changes by itself: the operations as they were traced do not explain it."


def _differed(case: Case, iteration: int) -> SnapshotInfo | None:
    """The failing iteration's snapshot, where the training process itself could not run it again."""
    made = (s for s in case.recording.snapshots if s.iteration == iteration and s.reason == "failing" and s.trace >= 0)
    return next((s for s in made if s.verdict.forward is Match.DIFFERS), None)


def _named(module: str) -> str:
    return f"`{module}`" if module else "the root"
