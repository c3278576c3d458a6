"""A widget that is drawn for its size: at once when first painted, so that the first paint is the only one."""

from textual.geometry import Region, Size
from textual.widget import Widget


class Fitted(Widget):
    """Call ``draw`` when what is shown changed; it is called here when the size did."""

    _fitted: Size | None = None
    _fitting = False

    def draw(self) -> None:
        """Compute what ``render_line`` returns, for ``self.size``."""

    def redraw(self) -> None:
        """Draw, since what is shown changed; a hidden widget has no size, and is drawn again when it gets one."""
        self._fitted = self.size
        self.draw()

    def fit(self) -> None:
        """Draw for the size, unless that was done. A changed size is painted anyway."""
        if self._fitted != self.size:
            self._fitted, self._fitting = self.size, True
            self.draw()
            self._fitting = False

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.fit()

    def send(self, regions: list[Region]) -> None:
        """Have these cells painted again."""
        if regions and not self._fitting:
            self.refresh(*regions)
