"""What of a run is measured: all of it, or the modules and quantities that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dgmtui.errors import UsageError
from dgmtui.recording.model import Quantity


@dataclass(frozen=True)
class Pattern:
    """``MODULE``, ``MODULE:QUANTITY`` or ``:QUANTITY``, where ``MODULE`` may hold ``*``, ``?`` and ``[…]``."""

    text: str
    module: str
    """Matches a module's path, and with it all that is within that module."""
    quantity: Quantity | None
    """None for all."""

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """``UsageError`` where there is no such quantity."""
        module, colon, quantity = text.partition(":")
        if colon and quantity not in set(Quantity):
            known = ", ".join(Quantity)
            raise UsageError(
                f"{text!r} names no quantity: after the colon comes one of {known}, as in 'enc.*:gradient'"
            )
        return cls(text, module or "*", Quantity(quantity) if colon else None)

    def matches(self, path: str, quantity: Quantity) -> bool:
        """Whether it names this quantity of the module at ``path``."""
        within = fnmatchcase(path, self.module) or fnmatchcase(path, f"{self.module}.*")
        return within and self.quantity in (None, quantity)


class Selection:
    """The channels that are measured: those that ``only`` names (all where it names none), less those of ``without``.

    A failing iteration is measured whole whatever was selected, and the look for non-finite values is at everything.
    """

    def __init__(self, only: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        self.only = tuple(map(Pattern.parse, only))
        self.without = tuple(map(Pattern.parse, without))
        self.is_all = not self.only and not self.without
        """Nothing was asked for, so everything is measured."""
        self._known: dict[tuple[str, Quantity], bool] = {}

    def wants(self, path: str, quantity: Quantity) -> bool:
        """Whether this quantity of the module at ``path`` is to be measured."""
        if self.is_all:
            return True
        key = path, quantity
        if key not in self._known:
            asked = not self.only or any(pattern.matches(*key) for pattern in self.only)
            self._known[key] = asked and not any(pattern.matches(*key) for pattern in self.without)
        return self._known[key]

    def as_extra(self) -> dict[str, list[str]]:
        """What was asked for, as a recording's ``extra`` tells it; empty where nothing was."""
        asked = {"only": [p.text for p in self.only], "without": [p.text for p in self.without]}
        return {name: texts for name, texts in asked.items() if texts}

    def unmatched(self) -> list[str]:
        """The patterns that named nothing of all that was asked about so far."""
        patterns = (*self.only, *self.without)
        return [p.text for p in patterns if not any(p.matches(*key) for key in self._known)]


EVERYTHING = Selection()
