"""Which part of a recording is looked at: module, unit, sample, quantity, and the window of the chart."""

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from dgmtui.recording.model import MEASURES, Measure, Quantity
from dgmtui.session.chart_settings import ChartSettings
from dgmtui.session.checked import checked_measure, checked_quantity, checked_sample, checked_unit, checked_window
from dgmtui.session.population import is_looked_at
from dgmtui.trace.batch import batch_size

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.session.climbing import Focus
    from dgmtui.trace.graph import Graph


class Looking:
    """What is selected; selecting something else than the target makes it the target again."""

    recording: "Recording"

    def __init__(self) -> None:
        self.module = ""
        self.unit: int | None = None
        self.sample: int | None = None
        self.quantity = Quantity.ACTIVATION
        self.measure: Measure | None = None
        """None: the quantity's first."""
        self.drawn = ChartSettings()
        """How the dynamics chart is drawn."""
        self.focus: Focus | None = None
        """None: what is selected is the target."""
        self._awaited: int | None = None
        """The failing iteration whose replay will tell what to look at; None once that is known, or was chosen."""

    @property
    @abstractmethod
    def graph(self) -> "Graph | None":
        """The trace that stands where the cursor is; None where there is none."""

    @property
    def drawn_measure(self) -> Measure:
        """The measure whose series are drawn."""
        units = MEASURES[self.quantity]
        fits = self.measure in units or (self.measure == Measure.ELEMENT and self._follows_elements(self.quantity))
        return self.measure if fits and self.measure is not None else units[0]

    @property
    def selection(self) -> str:
        """Module, unit and sample as a target: ``dec.xv[3]@5``."""
        unit = "" if self.unit is None else f"[{self.unit}]"
        sample = "" if self.sample is None else f"@{self.sample}"
        return f"{self.module}{unit}{sample}"

    @property
    def place(self) -> str:
        """The selection for people: ``dec.xv[3]@5``, ``root[1]``."""
        return self.selection if self.module else f"root{self.selection}"

    def select_module(self, path: str) -> None:
        """Look at a module; ``""`` and ``.`` are the root.

        Raises:
            UsageError: no module has that path.
        """
        path = "" if path == "." else path
        if path:
            self.recording.module(path)
        self.module, self.unit, self.focus, self._awaited = path, None, None, None
        self._offer_quantity()

    def select_unit(self, unit: int | None) -> None:
        """Look at one unit of the module, or at all.

        Raises:
            UsageError: the module has no such unit.
        """
        if unit is not None:
            checked_unit(unit, self.unit_count(), self.module)
        self.unit, self.focus, self._awaited = unit, None, None

    def select_sample(self, sample: int | None) -> None:
        """Look at one row of the batch, or at all.

        Raises:
            UsageError: the batch has no such row, as far as a snapshot tells its size.
        """
        if sample is not None:
            checked_sample(sample, self._batch_size())
        self.sample, self.focus, self._awaited = sample, None, None

    def select_quantity(self, quantity: Quantity, measure: Measure | None = None) -> None:
        """Look at another quantity of the module.

        Raises:
            UsageError: it was not recorded there, or has no such measure.
        """
        checked_quantity(quantity, self.quantities(), self.module)
        if measure is not None:
            checked_measure(measure, quantity, self.module, follows_elements=self._follows_elements(quantity))
        self.quantity, self.measure, self._awaited = quantity, measure, None

    def show_window(self, window: tuple[int, int] | None) -> None:
        """Look at iterations from, up to and without; negative ones count from the last; None: all.

        Raises:
            UsageError: it holds no iteration.
        """
        count = self.recording.last_iteration + 1
        self.drawn = replace(self.drawn, window=None if window is None else checked_window(window, count))

    def quantities(self) -> tuple[Quantity, ...]:
        """What is recorded of the module, in the order of ``Quantity``."""
        recorded = {c.quantity for c in self.recording.channels if self._is_looked_at(c.module)}
        return tuple(quantity for quantity in Quantity if quantity in recorded)

    def unit_count(self) -> int:
        """How many units the module has."""
        return max((c.units for c in self.recording.channels if c.module == self.module), default=0)

    def _offer_quantity(self) -> None:
        offered = self.quantities()
        if offered and self.quantity not in offered:
            self.quantity, self.measure = offered[0], None

    def _batch_size(self) -> int | None:
        graph = self.graph
        return None if graph is None else batch_size(graph)

    def _follows_elements(self, quantity: Quantity) -> bool:
        channels = self.recording.channels
        return any(c.elements > 0 for c in channels if self._is_looked_at(c.module) and c.quantity == quantity)

    def _is_looked_at(self, module: str) -> bool:
        return is_looked_at(module, self.module, self.drawn.scope)
