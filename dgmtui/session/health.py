"""How ill each module is: known for every iteration at once, so that a moved cursor costs a comparison a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.findings.model import Severity
from dgmtui.recording.model import Quantity

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.reader import Recording
    from dgmtui.session.outline import Outline

Health = str
"""``error``, ``warning``, ``ok`` or ``unknown``."""
NEVER = 1 << 62


@dataclass(frozen=True)
class Ailment:
    """What is wrong with a module from some iteration on."""

    begun: int
    severity: Severity
    words: str
    """``non-finite``, ``dead units``."""


class HealthIndex:
    """What is wrong where and since when, of a module itself and of the worst below it."""

    def __init__(
        self,
        recording: "Recording",
        outline: "Outline",
        first_nonfinite: "Sequence[int | None]",
        findings: "Sequence[Finding]",
    ) -> None:
        """``first_nonfinite`` holds of each channel the iteration of its first value that counts as one."""
        self._outline = outline
        self._own: dict[int, list[Ailment]] = {}
        """By the module's place; only those that have any."""
        self._since: dict[int, dict[Severity, int]] = {}
        """The first iteration of each severity, of a module and of what is below it."""
        for path, ailment in (*_nonfinites(recording, first_nonfinite), *_found(findings)):
            if (place := outline.place.get(path)) is not None:
                self._take(place, ailment)
        self._known = self._measured(recording)

    def at(self, place: int, iteration: int) -> Health:
        """The worst of a module and of what is below it, at or before ``iteration``."""
        since = self._since.get(place)
        if since is not None:
            for severity in (Severity.ERROR, Severity.WARNING):
                if since.get(severity, NEVER) <= iteration:
                    return str(severity)
        return "ok" if place in self._known else "unknown"

    def words(self, place: int, iteration: int) -> str:
        """What is wrong with the module itself, the worst of it; empty where nothing is."""
        begun = [each for each in self._own.get(place, ()) if each.begun <= iteration]
        worst = min(begun, key=lambda each: (each.severity != Severity.ERROR, each.begun), default=None)
        return "" if worst is None else worst.words

    def ill(self, iteration: int) -> list[int]:
        """The places of the modules that themselves are ill, worst and first to be so first."""
        ranked = []
        for place, ailments in self._own.items():
            begun = [(a.severity != Severity.ERROR, a.begun, place) for a in ailments if a.begun <= iteration]
            if begun:
                ranked.append(min(begun))
        return [place for _, _, place in sorted(ranked)]

    def _take(self, place: int, ailment: Ailment) -> None:
        self._own.setdefault(place, []).append(ailment)
        for each in (place, *self._outline.ancestors(place)):
            since = self._since.setdefault(each, {})
            since[ailment.severity] = min(since.get(ailment.severity, NEVER), ailment.begun)

    def _measured(self, recording: "Recording") -> set[int]:
        """Places of modules whose activation was recorded, and of what contains them."""
        known: set[int] = set()
        for channel in recording.channels:
            place = self._outline.place.get(channel.module, -1) if channel.quantity == Quantity.ACTIVATION else -1
            while place >= 0 and place not in known:
                known.add(place)
                place = self._outline.parent[place]
        return known


def _nonfinites(recording: "Recording", first: "Sequence[int | None]") -> Iterator[tuple[str, Ailment]]:
    for channel, begun in zip(recording.channels, first, strict=True):
        if begun is not None:
            what = "" if channel.quantity == Quantity.ACTIVATION else f" {channel.quantity.replace('_', ' ')}"
            yield channel.module, Ailment(begun, Severity.ERROR, f"non-finite{what}")


def _found(findings: "Sequence[Finding]") -> Iterator[tuple[str, Ailment]]:
    for finding in findings:
        for module, begun, severity, kind in _places(finding):
            if module is not None and severity != Severity.INFO:
                yield module, Ailment(begun, Severity(severity), _words(kind))


def _words(kind: str) -> str:
    return "non-finite" if kind == "nonfinite" else kind.replace("_", " ")


def _places(finding: "Finding") -> Iterator[tuple[str | None, int, str, str]]:
    """Module, beginning, severity and kind of a finding, of other layers of which the same is told, and of what
    follows."""
    begun = finding.iteration if finding.onset is None else finding.onset
    yield finding.module, begun, str(finding.severity), finding.kind
    for other in (*finding.data.get("alike", ()), *finding.data.get("followed_by", ())):
        since = other["onset"] if other["onset"] is not None else other.get("iteration", begun)
        for module in dict.fromkeys((other["module"], *other.get("modules", ()))):
            yield module, since, other["severity"], other.get("kind", finding.kind)
