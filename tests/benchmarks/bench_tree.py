"""The network tree of a very large network beside Textual's own tree, which makes every row at once."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from deep_network import HEAD, write_deep
from table import BenchRow
from textual.app import App, ComposeResult
from textual.widgets import Tree

from dgmtui.commands import REGISTRY
from dgmtui.recording import Recording, open_recording
from dgmtui.session.session import Session
from tests.terminal import terminal

AREA = "screen"
BLOCKS, UNITS = 1000, 100_000
SIZE = (200, 50)
MOST_BYTES = 334
PEER = "Textual's Tree, all rows at once"
OURS = """
from textual.app import App
from dgmtui.session.view import TreePlace, TreeRow
from dgmtui.tui.widgets.network_tree import NetworkTree
class Shown(App):
    BINDINGS = [("down", "down")]
    CSS = "NetworkTree { width: 48; height: 100%; }"
    def compose(self):
        yield NetworkTree()
    def on_mount(self):
        rows = tuple(TreeRow(f"m{i}", f"m{i} Linear", 1, False, "ok", (1.0, 2.0) * 20, "", "") for i in range(40))
        self.query_one(NetworkTree).show_tree(rows, "m0", TreePlace())
    def action_down(self):
        self.query_one(NetworkTree).move(1)
Shown().run()
"""
THEIRS = """
from textual.app import App
from textual.widgets import Tree
class Shown(App):
    CSS = "Tree { width: 48; height: 100%; }"
    def compose(self):
        tree = Tree("net")
        tree.root.expand()
        for i in range(40):
            tree.root.add_leaf(f"m{i} Linear")
        yield tree
Shown().run()
"""


class Eager(App[None]):
    """Textual's tree with a node a module and a unit."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def compose(self) -> ComposeResult:
        """Every module below what contains it, every unit below its module."""
        tree: Tree[None] = Tree("network")
        nodes = {"": tree.root}
        for module in self._recording.modules[1:]:
            name = f"{module.path.rpartition('.')[2]} {module.type}"
            nodes[module.path] = nodes[module.parent or ""].add(name, expand=True)
        for unit in range(UNITS):
            nodes[HEAD].add_leaf(f"[{unit}]")
        tree.root.expand()
        yield tree


def rows() -> Iterable[BenchRow]:
    """How long until it is there, and what a key sends."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_recording(write_deep(Path(folder) / "d.h5", BLOCKS, UNITS)) as read,
    ):
        opened, moved = _opened(read), _moved(read)
        peer = asyncio.run(_eager(read))
        what = f"tree of {len(read.modules):,} modules and {UNITS:,} units"
        yield BenchRow(AREA, f"{what}, opened", opened, "s", PEER, peer, peer / opened, "≤ 0.5", opened <= 0.5)
        yield BenchRow(AREA, f"{what}, one unit on", 1000 * moved, "ms", "–", None, None, "–", None)
    ours, theirs = _key(OURS), _key(THEIRS)
    yield BenchRow(
        AREA, "cursor down in the tree, 200×50", float(ours), "bytes", "Textual's Tree", float(theirs), theirs / ours,
        f"≤ {MOST_BYTES}", ours <= MOST_BYTES,
    )  # fmt: skip


def _opened(recording: Recording) -> float:
    """Seconds from an open recording to the rows that a screen shows in the middle of the last module's units."""
    began = time.perf_counter()
    session = Session(recording)
    for line in (f"module {HEAD}", "expand --units", f"unit {UNITS // 2}"):
        REGISTRY.run(session, line)
    session.view()
    return time.perf_counter() - began


def _moved(recording: Recording) -> float:
    session = Session(recording)
    for line in (f"module {HEAD}", "expand --units", "unit 0"):
        REGISTRY.run(session, line)
    session.view()
    began = time.perf_counter()
    REGISTRY.run(session, "unit 1")
    session.view()
    return time.perf_counter() - began


async def _eager(recording: Recording) -> float:
    began = time.perf_counter()
    async with Eager(recording).run_test(size=SIZE) as pilot:
        await pilot.pause()
        return time.perf_counter() - began


def _key(code: str) -> int:
    """Bytes of the second step down: the first also shows that there is a cursor."""
    with terminal([sys.executable, "-c", code], SIZE) as shown:
        shown.until("m5 ", silence=1.0)
        for _ in range(2):
            shown.press("\x1b[B")
            heard = shown.until("\x1b[", silence=0.5)
        return heard.count
