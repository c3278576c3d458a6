"""The list of a directory's runs on the screen."""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dgmtui.render.runs import run_rows
from dgmtui.session.runs.files import find_runs
from dgmtui.session.runs.listing import list_runs
from dgmtui.session.runs.process import RunsProcess
from dgmtui.session.runs.shown import RunList
from dgmtui.tui.help import HelpScreen
from dgmtui.tui.runs import RunsApp
from dgmtui.tui.widgets.pane import RowsPane
from dgmtui.tui.widgets.status import Line
from tests.terminal import screen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from dgmtui.session.runs.model import Run

RECORDINGS = Path(__file__).parents[2] / "recordings"
FIRST = 2
"""The line of the first run."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for age, name in enumerate(("vae.h5", "cnn.h5")):
        shutil.copy(RECORDINGS / name, tmp_path)
        os.utime(tmp_path / name, (time.time() - age * 1000,) * 2)
    (tmp_path / "notes.h5").write_text("no recording")
    os.utime(tmp_path / "notes.h5", (time.time() - 5000,) * 2)
    return tmp_path


class Seen:
    """The application under test, and what it shows."""

    def __init__(self, app: RunsApp, pilot: "Pilot[Run]", listing: RunList) -> None:
        self.app, self.pilot, self.listing = app, pilot, listing

    def lines(self) -> list[str]:
        pane = self.app.main.query_one(RowsPane)
        return [pane.render_line(y).text.rstrip() for y in range(pane.size.height)]

    def line(self, name: str) -> str:
        widget = self.app.main.query_one(f"#{name}", Line)
        return " ".join(widget.render_line(y).text.strip() for y in range(widget.size.height)).strip()

    async def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, [*self.lines(), self.line("told"), self.line("footer")]
            await self.pilot.pause(0.02)


@asynccontextmanager
async def shown(directory: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Seen]:
    """The list once all findings are there."""
    process, listing = RunsProcess(directory), RunList(directory, find_runs(directory))
    try:
        app = RunsApp(listing, process)
        async with app.run_test(size=size) as pilot:
            seen = Seen(app, pilot, listing)
            await seen.until(lambda: not listing.waiting and "findings" not in seen.lines()[0])
            yield seen
    finally:
        process.close()


async def test_each_row_tells_the_worst_finding_in_words(directory: Path) -> None:
    async with shown(directory) as seen:
        lines = seen.lines()
        assert "3 runs · newest first" in lines[0]
        assert all(part in lines[FIRST] for part in ("vae.h5", "■ stopped", "✗ 2,578 nonfinite", "2,579", "inf"))
        assert all(part in lines[FIRST + 1] for part in ("cnn.h5", "· done", "✗ 595 dead_units"))
        assert "? unreadable" in lines[FIRST + 2]
        assert "non-finite values (1 +Inf)" in seen.line("told") and "the worst of 2 findings" in seen.line("told")


async def test_the_list_is_there_before_it_is_read(directory: Path) -> None:
    process, listing = RunsProcess(directory), RunList(directory, find_runs(directory))
    process.close()  # so that nothing is ever read
    app = RunsApp(listing, process)
    async with app.run_test(size=(80, 24)) as pilot:
        seen = Seen(app, pilot, listing)
        await seen.until(lambda: "vae.h5" in seen.lines()[FIRST])
        assert "findings 0 of 3 …" in seen.lines()[0]


async def test_enter_opens_the_selected_one(directory: Path) -> None:
    async with shown(directory) as seen:
        await seen.pilot.press("down", "down", "enter")
        assert seen.app.is_running and "notes.h5 can't be opened: is not an HDF5 file" in seen.line("told")
        await seen.pilot.press("up", "enter")
    chosen = seen.app.return_value
    assert chosen is not None and chosen.files.paths == (directory / "cnn.h5",)


async def test_it_narrows_while_one_types_and_esc_gives_it_up(directory: Path) -> None:
    async with shown(directory) as seen:
        await seen.pilot.press("down", "slash", *"dead")
        await seen.until(lambda: "/dead" in seen.line("footer"))
        assert "1 of 3" in seen.line("footer") and "1 of 3 runs" in seen.lines()[0]
        assert "cnn.h5" in seen.lines()[FIRST] and not any(seen.lines()[FIRST + 1 :])
        await seen.pilot.press(*"x", "enter")
        await seen.until(lambda: "none holds that" in seen.lines()[FIRST - 1] + seen.lines()[FIRST])
        await seen.pilot.press("s", "escape")
        await seen.until(lambda: "3 runs · worst finding first" in seen.lines()[0])
        assert "Enter open" in seen.line("footer") and seen.listing.selected is not None
        assert seen.listing.selected.name == "cnn.h5", "which was selected before"
        await seen.pilot.press("slash", *"qsj", "backspace", "backspace", "backspace", *"done", "enter", "enter")
    assert seen.app.return_value is not None and seen.app.return_value.name == "cnn.h5", "letters are text meanwhile"


async def test_a_key_sorts_and_the_sort_is_said(directory: Path) -> None:
    async with shown(directory) as seen:
        said = []
        for _ in range(4):
            await seen.pilot.press("s")
            said.append(seen.lines()[0].rpartition("· ")[2])
        assert said == ["worst finding first", "by name", "least loss first", "newest first"]


async def test_esc_stops_the_look_for_findings_and_f_goes_on(directory: Path) -> None:
    async with shown(directory) as seen:
        await seen.pilot.press("escape")
        assert seen.listing.looking and seen.app.is_running, "nothing is looked for: there is nothing to stop"
        shutil.copy(RECORDINGS / "vae-softplus.h5", directory / "new.h5")
        (directory / "late.h5.part").touch()
        seen.listing.looking = True
        await seen.until(lambda: seen.listing.waiting > 0)
        await seen.pilot.press("escape")
        if seen.listing.waiting:
            await seen.until(lambda: "f goes on" in seen.lines()[0])
        await seen.pilot.press("f")
        await seen.until(lambda: not seen.listing.waiting and "dead_units" in "".join(seen.lines()[: FIRST + 3]))


async def test_a_run_that_appears_is_listed_and_the_selection_stays(directory: Path) -> None:
    async with shown(directory) as seen:
        await seen.pilot.press("down")
        shutil.copy(RECORDINGS / "cnn-batchnorm.h5", directory / "new.h5")
        await seen.until(lambda: "new.h5" in seen.lines()[FIRST] and "none" in seen.lines()[FIRST])
        (directory / "vae.h5").unlink()
        await seen.until(lambda: not any("vae.h5" in line for line in seen.lines()))
        await seen.pilot.press("enter")
    assert seen.app.return_value is not None and seen.app.return_value.name == "cnn.h5"


async def test_the_list_that_comes_back_has_its_row_its_order_and_its_filter(directory: Path) -> None:
    process, listing = RunsProcess(directory), RunList(directory, find_runs(directory))
    try:
        for keys in (("s", "s", "slash", *"h5", "enter", "end", "enter"), ("enter",)):
            app = RunsApp(listing, process)
            async with app.run_test(size=(80, 24)) as pilot:
                seen = Seen(app, pilot, listing)
                await seen.until(lambda: not listing.waiting)
                await pilot.press(*keys)
            assert app.return_value is not None and app.return_value.name == "vae.h5"
        assert listing.order_words == "by name" and listing.sought == "h5"
    finally:
        process.close()


async def test_help_explains_keys_and_glyphs_and_is_searched(directory: Path) -> None:
    async with shown(directory, (100, 60)) as seen:
        await seen.pilot.press("f1")
        await seen.until(lambda: isinstance(seen.app.screen, HelpScreen))
        pane = seen.app.screen.query_one(RowsPane)
        await seen.until(lambda: "keys" in pane.render_line(1).text)
        text = "\n".join(pane.render_line(y).text for y in range(pane.size.height))
        assert "sort: newest, worst" in text and "† killed" in text and "filter" not in seen.line("told")
        await seen.pilot.press("q")
        await seen.until(lambda: seen.app.screen is seen.app.main)
        assert seen.app.is_running


async def test_it_fits_whatever_there_is(directory: Path) -> None:
    async with shown(directory, (20, 5)) as seen:
        assert "q quit" in seen.line("footer") and "vae.h5" in seen.lines()[FIRST]
        await seen.pilot.resize_terminal(200, 60)
        await seen.until(lambda: "holds non-finite values" in seen.lines()[FIRST])


def test_rows_fill_the_width_and_no_more(directory: Path) -> None:
    runs = list_runs(directory)
    for width in (20, 40, 60, 80, 100, 120, 200):
        head, row_at = run_rows(runs, time.time(), width)
        lengths = [sum(len(text) for text, _ in row) for row in (head, *map(row_at, range(len(runs))))]
        assert len(set(lengths)) == 1 and (lengths[0] <= width or width < 60), width
    assert "ago" in "".join(text for text, _ in run_rows(runs, time.time(), 80)[0])


def test_q_comes_back_from_a_run_to_its_row_and_leaves_the_list(directory: Path) -> None:
    with screen(directory, (80, 24)) as seen:
        before = seen.settings
        seen.until("dead_units", silence=0.3)
        seen.press("j\r")
        seen.until("600 iterations", silence=0.5)
        seen.data = b""
        seen.press("q")
        seen.until("3 runs", silence=0.5)
        seen.press("\r")
        seen.until("600 iterations", silence=0.5)
        seen.press("q")
        seen.until("3 runs", silence=0.5)
        seen.press("q")
        assert seen.wait() == 0 and seen.settings == before
        assert "Traceback" not in seen.data.decode(errors="replace")


def test_a_run_that_is_gone_when_it_is_opened_is_said_in_the_list(directory: Path) -> None:
    with screen(directory, (80, 24)) as seen:
        seen.until("dead_units", silence=0.3)
        shutil.rmtree(directory)
        seen.press("\r")
        seen.until("vae.h5 can't be opened any more")
        seen.until("can't be listed")
        seen.press("q")
        assert seen.wait() == 0 and "Traceback" not in seen.data.decode(errors="replace")


@pytest.mark.parametrize("opened", [False, True])
def test_sigterm_leaves_in_order_also_a_run_that_was_opened(directory: Path, opened: bool) -> None:
    with screen(directory, (80, 24)) as seen:
        before = seen.settings
        seen.until("dead_units", silence=0.3)
        if opened:
            seen.press("j\r")
            seen.until("600 iterations", silence=0.5)
        seen.signal(signal.SIGTERM)
        assert seen.wait() == 143 and seen.settings == before


async def test_the_list_goes_on_after_a_file_broke_the_process_that_reads(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "h5py.py").write_text("import os; os.abort()")
    monkeypatch.syspath_prepend(folder)
    process, listing = RunsProcess(directory), RunList(directory, find_runs(directory))
    try:
        app = RunsApp(listing, process)
        async with app.run_test(size=(80, 24)) as pilot:
            seen = Seen(app, pilot, listing)
            await seen.until(lambda: sum("? unreadable" in line for line in seen.lines()) == 3)
            assert "broke the process" in seen.line("told")
            (directory / "new.h5.part").touch()
            await seen.until(lambda: "new.h5.part" in seen.lines()[FIRST])
    finally:
        process.close()
