"""Other recordings beside the one that is looked at: opened read-only, aligned layer by layer, and measured alike."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.recording.model import ModuleInfo, SnapshotInfo
from dgmtui.recording.opening import same_file
from dgmtui.recording.reader import Recording, open_recording
from dgmtui.session.alignment import How, Layer, align
from dgmtui.session.landmarks import Landmarks
from dgmtui.session.operations import within
from dgmtui.session.results import Results

if TYPE_CHECKING:
    from dgmtui.findings import Finding
    from dgmtui.session.session import Session

LETTERS = "ABCDEFGH"
"""What the recordings are called in tables; the one that is looked at is A."""


@dataclass(frozen=True)
class Row:
    """One layer in every recording, in the order of A."""

    paths: tuple[str | None, ...]
    """A's first; None where a recording has none that stands for it."""
    how: tuple[How | None, ...]
    """How each was found; None for A itself and where there is none."""

    @property
    def name(self) -> str:
        """``conv1``; ``fc1 = hidden`` where it is called otherwise elsewhere."""
        return " = ".join(dict.fromkeys(path or "root" for path in self.paths if path is not None))


class Comparison:
    """The recordings that stand beside that of a session."""

    def __init__(self, session: "Session", others: Sequence[Recording]) -> None:
        make = session.results.progress
        self.others = tuple(others)
        self.results = tuple(Results(each, make) for each in others)
        self._landmarks = tuple(Landmarks(each) for each in others)

    def losses(self) -> tuple[NDArray[np.float64], ...]:
        """Of each other recording ``[T]``, read once and then only what is new."""
        return tuple(each.losses for each in self._landmarks)

    def refresh(self) -> None:
        """Take in what runs that go on have recorded since."""
        for each in self.others:
            each.refresh()

    def close(self) -> None:
        """Close the files."""
        for each in self.others:
            each.close()

    def recordings(self, session: "Session") -> tuple[Recording, ...]:
        """A's first."""
        return (session.recording, *self.others)


def compare_with(session: "Session", files: Sequence[Path]) -> Comparison:
    """Open other recordings beside the session's; what stood beside it before and is not named again is closed once
    all could be opened, what is named again stays open.

    Raises:
        UsageError: one is the session's own, one is named twice, or too many are named.
        RecordingError: one can't be read.
    """
    if len(files) >= len(LETTERS):
        raise UsageError(f"at most {len(LETTERS) - 1} other recordings can stand beside this one, not {len(files)}")
    _check_apart(session.recording, files)
    standing = () if session.compared is None else session.compared.others
    taken: list[Recording] = []
    try:
        for file in files:  # HDF5 misreads a file that a process has open twice
            again = next((each for each in standing if _is_of(each, file)), None)
            if again is not None:
                again.refresh()
            taken.append(again or open_recording(file))
    except BaseException:
        _close(each for each in taken if each not in standing)
        raise
    _close(each for each in standing if each not in taken)
    session.compared = Comparison(session, taken)
    return session.compared


def _check_apart(own: Recording, files: Sequence[Path]) -> None:
    for place, file in enumerate(files):
        if any(same_file(file, each.path) for each in own.ranks):
            raise UsageError(f"{file} is this recording itself, A: nothing would differ; name another one")
        if any(same_file(file, each) for each in files[:place]):
            raise UsageError(f"{file} is named twice; once is enough")


def _is_of(recording: Recording, file: Path) -> bool:
    return same_file(file, recording.path) and not recording.is_replaced


def _close(recordings: Iterable[Recording]) -> None:
    for each in recordings:
        each.close()


def compare_off(session: "Session") -> None:
    """Close what stands beside the session's recording, if anything does."""
    if session.compared is not None:
        session.compared.close()
    session.compared = None


def names_of(recordings: Sequence[Recording]) -> dict[str, str]:
    """Letter → file, with as much of its folder as tells it from the others."""
    names = [each.path.name for each in recordings]
    told = [name if names.count(name) == 1 else str(each.path) for name, each in zip(names, recordings, strict=True)]
    return dict(zip(LETTERS, told, strict=False))


def layers_of(recording: Recording) -> list[ModuleInfo]:
    """The root and the modules without submodules of which anything was recorded."""
    parents = {module.parent for module in recording.modules}
    known = {channel.module for channel in recording.channels}
    return [m for m in recording.modules if m.path in known and (m.parent is None or m.path not in parents)]


def aligned(recordings: Sequence[Recording], module: str = "") -> tuple[Row, ...]:
    """Layers of all recordings, those in ``module`` of A only; what no layer of A stands for comes at the end."""
    layers = [[Layer(m.path, m.type) for m in layers_of(each)] for each in recordings]
    first, *others = layers
    pairs = [{pair.a: pair for pair in align(first, other)} for other in others]
    rows = []
    for place, layer in enumerate(first):
        found = [each.get(place) for each in pairs]
        paths = [None if p is None else other[p.b].path for p, other in zip(found, others, strict=True)]
        rows.append(Row((layer.path, *paths), (None, *(None if p is None else p.how for p in found))))
    kept = [row for row in rows if within(row.paths[0] or "", module)]
    if module:
        return tuple(kept)
    for number, (other, pair) in enumerate(zip(others, pairs, strict=True), start=1):
        taken = {p.b for p in pair.values()}
        for place, layer in enumerate(other):
            if place not in taken:
                alone = [layer.path if i == number else None for i in range(len(recordings))]
                kept.append(Row(tuple(alone), (None,) * len(recordings)))
    return tuple(kept)


@dataclass(frozen=True)
class SharedFinding:
    """One finding, where several recordings have it: of one kind, at layers that stand for each other."""

    found: tuple["Finding | None", ...]
    """In each recording."""


def shared_findings(found: Sequence[Sequence["Finding"]], rows: Sequence[Row]) -> tuple[SharedFinding, ...]:
    """A's findings in their order, then those that only others have."""
    by_path = [{row.paths[i]: row for row in rows if row.paths[i] is not None} for i in range(len(found))]
    groups: dict[tuple[object, ...], list[Finding | None]] = {}
    for place, each in enumerate(found):
        for finding in each:
            row = by_path[place].get(finding.module)
            where = finding.module if row is None else row
            fed_by = finding.data.get("fed_by") if finding.module == "" else None
            fed = by_path[place].get(fed_by, fed_by)
            slots = groups.setdefault(
                (finding.kind, where, fed, finding.op if row is None else None), [None] * len(found)
            )
            slots[place] = slots[place] or finding
    return tuple(SharedFinding(tuple(slots)) for slots in groups.values())


@dataclass(frozen=True)
class Shares:
    """Relevance by module, as a share of the target's value, in each recording."""

    targets: tuple[str, ...]
    """In words; why there is none where it could not be worked out."""
    iterations: tuple[int | None, ...]
    """Of the snapshots."""
    shares: tuple[dict[str, float], ...]
    """Module → share, of each recording."""


_MODULE = re.compile(r"[^\[\]@:]+")


def credit_shares(session: "Session", made: Comparison, target: str, iteration: int, rows: Sequence[Row]) -> Shares:
    """Credit for a target of A, and for what stands for it in the others, at each one's snapshot up to ``iteration``.

    Raises:
        UsageError, CreditError, ReplayError: A itself has none.
    """
    texts, taken, shares = [], [], []
    for place, (recording, results) in enumerate(
        zip(made.recordings(session), (session.results, *made.results), strict=True)
    ):
        snapshot = recording.nearest_snapshot(iteration)
        try:
            if snapshot is None:
                raise UsageError(f"no snapshot at or before {iteration}")
            text, share = _shares(results, snapshot, _translated(target, rows, place))
        except DgmtuiError as error:
            if place == 0:
                raise
            text, share = str(error), {}
        texts.append(text)
        taken.append(None if snapshot is None else snapshot.iteration)
        shares.append(share)
    return Shares(tuple(texts), tuple(taken), tuple(shares))


def _shares(results: Results, snapshot: SnapshotInfo, target: str) -> tuple[str, dict[str, float]]:
    from dgmtui.credit import Propagation

    shown = results.crediting.shown
    try:
        table = results.crediting.credit(snapshot, target, by="module", propagation=Propagation())
    finally:
        results.crediting.shown = shown
    value = table.contributions.target.value
    if not value or not math.isfinite(value):
        return table.contributions.target.text, {}
    forward = {row.module: row.forward / value for row in table.contributions.rows if row.forward is not None}
    return table.contributions.target.text, forward


def _translated(target: str, rows: Sequence[Row], place: int) -> str:
    """The target as the recording at ``place`` calls it."""
    match = _MODULE.match(target)
    row = None if match is None else next((r for r in rows if r.paths[0] == match.group()), None)
    if match is None or row is None or row.paths[place] is None:
        return target
    return f"{row.paths[place]}{target[match.end() :]}"
