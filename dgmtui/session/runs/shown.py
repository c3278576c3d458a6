"""The list of runs as a person has it before them: sorted, narrowed, with one of them selected."""

from collections.abc import Iterable
from pathlib import Path

from dgmtui.session.runs.model import ORDERS, Run, RunFiles, sorted_runs
from dgmtui.session.runs.updates import Listed

SORTS = ("time", "finding", "name", "loss")
"""Of ``ORDERS`` those that the key goes through."""


class RunList:
    """Lives as long as the list is open, also while a run that was opened from it is looked at."""

    def __init__(self, directory: Path, found: Iterable[RunFiles] = ()) -> None:
        self.directory = directory
        self.order = SORTS[0]
        self.sought = ""
        """What rows hold that are shown; all where it is empty."""
        self.typing = False
        """Whether ``sought`` is being typed."""
        self.looking = True
        """Whether findings are looked for."""
        self.error = ""
        """Why it can't be read any more; empty where it can."""
        self._runs = {files.name: Run(files) for files in found}
        self._at = ""
        """The name of the run that was selected; while none was, the first is."""
        self._shown: tuple[Run, ...] | None = None

    def take(self, news: Iterable[Run | Listed]) -> None:
        """Take in what has been found out."""
        for each in news:
            if isinstance(each, Run):
                self._runs[each.name] = each
            else:
                self._list(each)
        self._shown = None

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    @property
    def waiting(self) -> int:
        """Of how many the findings are still to be looked for."""
        return sum(run.awaits_findings for run in self._runs.values())

    @property
    def shown(self) -> tuple[Run, ...]:
        """Those that hold what is sought, sorted."""
        if self._shown is None:
            words = self.sought.lower().split()
            self._shown = sorted_runs((run for run in self._runs.values() if run.holds(words)), self.order)
        return self._shown

    @property
    def place(self) -> int:
        """Which of ``shown`` is selected: that which was, or the first."""
        return next((place for place, run in enumerate(self.shown) if run.name == self._at), 0)

    @property
    def selected(self) -> Run | None:
        """None where none is shown."""
        return self.shown[self.place] if self.shown else None

    def select(self, place: int) -> None:
        """Select one of ``shown``, or the last before where there are not so many."""
        if self.shown:
            self._at = self.shown[min(max(0, place), len(self.shown) - 1)].name

    def sort_next(self) -> None:
        """By the next of ``SORTS``; a run that was selected stays so."""
        self.order = SORTS[(SORTS.index(self.order) + 1) % len(SORTS)]
        self._shown = None

    def seek(self, text: str, *, typing: bool) -> None:
        """Show what holds all words of ``text`` only; a run that is hidden by it is selected again when shown again."""
        self.sought, self.typing, self._shown = text, typing, None

    @property
    def order_words(self) -> str:
        """``newest first``."""
        return ORDERS[self.order]

    def _list(self, listed: Listed) -> None:
        self.error = listed.error
        if listed.error:
            return
        names = {files.name for files in listed.files}
        if self._at.endswith(".part") and self._at not in names:
            self._at = self._at.removesuffix(".part")  # its first iteration is whole
        self._runs = {files.name: self._runs.get(files.name, Run(files)) for files in listed.files}
