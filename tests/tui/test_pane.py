"""Rows that scroll: what tells that there are more, and what a selected row leaves as it is."""

from textual.app import App, ComposeResult

from dgmtui.tui.widgets.pane import RowsPane, strip_of

SIZE = (20, 6)


class OnePane(App[None]):
    def compose(self) -> ComposeResult:
        yield RowsPane()


def lines(pane: RowsPane) -> list[str]:
    return [pane.render_line(y).text for y in range(pane.size.height)]


async def test_arrows_in_the_last_column_tell_of_more_rows() -> None:
    app = OnePane()
    async with app.run_test(size=SIZE):
        pane = app.query_one(RowsPane)
        pane.show([[("head", "")]], [[(f"row {number} of a length that is cut", "")] for number in range(12)])
        assert [line[-1] for line in lines(pane)[1:]] == ["h", "h", "h", "h", "↓"]
        pane.scroll_rows(1)
        first, *_, last = lines(pane)[1:]
        assert first.startswith("row 1 ") and first.endswith(" ↑") and last.endswith(" ↓")
        pane.show_last()
        first, *_, last = lines(pane)[1:]
        assert first.endswith(" ↑") and last.startswith("row 11") and "↓" not in last
        pane.show([], [[("all there", "")]])
        assert not any(arrow in "".join(lines(pane)) for arrow in "↑↓")


def test_bars_of_a_selected_row_are_not_reversed() -> None:
    name, bars = strip_of([("relu", ""), ("▁▇", "bar")], 6, selected=True)
    assert name.style is not None and bars.style is not None
    assert name.style.reverse and not bars.style.reverse
