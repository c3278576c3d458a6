"""The main screen: it draws one view, and sends command lines to the session."""

import gc
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from dgmtui.commands.registry import Registry
from dgmtui.commands.result import Chart, Result, Table, Text
from dgmtui.render.text import caption
from dgmtui.session.session import Session
from dgmtui.session.typed_lines import TypedLines
from dgmtui.session.view import View
from dgmtui.tui.alarm import alarm
from dgmtui.tui.help import HelpScreen
from dgmtui.tui.help_entries import entries_of
from dgmtui.tui.keys import OPENS_PROMPT, bindings, key_of
from dgmtui.tui.messages import Answer, Answered, Grown, Looked, Refined
from dgmtui.tui.palette import Palette
from dgmtui.tui.prompting import Prompting
from dgmtui.tui.tabs import (
    CHOOSES_SERIES,
    COVERING,
    DRAWN_ABOVE,
    DRAWN_IN,
    TABLES_APART,
    TABS,
    TALL,
    panes,
    show_in_tabs,
)
from dgmtui.tui.turns import Turns
from dgmtui.tui.widgets.displays import Displays
from dgmtui.tui.widgets.dynamics_chart import DynamicsChart, subject_of
from dgmtui.tui.widgets.findings import Findings
from dgmtui.tui.widgets.loss_chart import LossChart
from dgmtui.tui.widgets.network_tree import NetworkTree
from dgmtui.tui.widgets.operations import Operations
from dgmtui.tui.widgets.output import Output
from dgmtui.tui.widgets.pane import ENTER, Asked, RowsPane
from dgmtui.tui.widgets.prompt import Prompt
from dgmtui.tui.widgets.status import Line, Status, Tabs
from dgmtui.tui.widgets.tour import TourLines
from dgmtui.tui.worker import drain, look, refine, take_in

if TYPE_CHECKING:
    from textual.timer import Timer

POLL_SECONDS = 0.25
FOLLOW_SECONDS = 0.5
"""How often a run that is watched is asked for what is new."""
ANSWER_SECONDS = 2.0
"""How long an answer can be read before it gives way to how far the sampling is."""
LOOK_AFTER_SECONDS = 0.2
"""How long after its start the screen begins to look for findings in the background."""
LEAVING_SECONDS = 2.0
"""How long what is under way may hold up leaving."""
HORIZONTAL = [(0, "-narrow"), (100, "-wide"), (160, "-widest")]
VERTICAL = [(0, "-flattest"), (9, "-flat"), (18, "-short"), (36, "-tall"), (54, "-tallest")]
"""Least width and height in characters, and the class in ``screen.tcss``."""


class MainScreen(Prompting):
    """Every pane stays mounted; a new view changes the lines that differ."""

    HORIZONTAL_BREAKPOINTS = HORIZONTAL
    VERTICAL_BREAKPOINTS = VERTICAL

    view: Reactive[View | None] = Reactive(None, repaint=False, always_update=True)
    """All that is drawn. Every new one counts: the arrays in two views can't be compared by ``==``."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual's, but a moved focus does not repaint the screen: only the prompt ever has it."""

    def __init__(
        self,
        session: Session,
        registry: Registry,
        *,
        first: View | None = None,
        commands: Sequence[str] = (),
        typed: TypedLines | None = None,
    ) -> None:
        super().__init__()
        self.registry = registry
        self._palette = Palette(registry)
        self._typed = typed or TypedLines()
        self._session = session
        self._first = first
        self._pending: deque[tuple[str, bool]] = deque((line, True) for line in commands)
        self._busy = self._looking = self._looked = self._interrupted = self._painted = False
        self._came_from: tuple[str, str] | None = None
        """The tab from which Enter led to another, and that one."""
        self._turns = Turns(lambda: self._tab)
        self._poll: Timer | None = None
        self._growing = self._refining = False
        self._telling = False
        self._answered = 0.0

    def compose(self) -> ComposeResult:
        """The layout of the screen, top to bottom."""
        self._choose_layout()
        yield Status(id="status")
        with Horizontal(id="middle"):
            yield NetworkTree(id="tree")
            with Vertical(id="right"):
                yield LossChart(id="loss")
                yield DynamicsChart(id="dynamics")
                yield Tabs(id="tabs")
                with ContentSwitcher(initial=TABS[0], id="lower"):
                    yield from panes()
        yield Findings(id="findings")
        yield Displays(id="displays")
        yield TourLines(id="tour")
        yield Prompt(lambda text: self.registry.complete(self._session, text), self._typed, id="prompt")
        yield Line(id="footer")

    def _choose_layout(self) -> None:
        """As Textual does at every resize, but before the first paint, which then is the only one."""
        size = self.app.size
        for length, points in ((size.width, HORIZONTAL), (size.height, VERTICAL)):
            self.add_class([name for least, name in points if length >= least][-1])

    def on_mount(self) -> None:
        """Draw the first view, then let the worker go on from there."""
        self._poll = self.set_interval(POLL_SECONDS, self._show_progress, pause=True)
        self.view = self._first
        self._show_tab(TABS[0])
        self.call_after_refresh(self._begin_work)
        self.set_timer(LOOK_AFTER_SECONDS, self._look_now)
        self.set_interval(FOLLOW_SECONDS, self._take_in)

    def on_resize(self) -> None:
        """The footer shows what fits."""
        self._show_footer()

    def submit(self, line: str, *, typed: bool = False) -> None:
        """Run one command line in the worker, in its turn."""
        self._turns.take(lambda: self._submit(line, typed), keep=typed)

    def _submit(self, line: str, typed: bool = False) -> None:
        self._turns.begin(line)
        self._pending.append((line, typed))
        if self._looking and not self._busy:
            self._interrupted = True
            self._session.cancel()
        self._work_on()

    def action_line(self, line: str) -> None:
        """Run the command line that a key stands for; one that ends in a blank waits for its arguments."""
        alone = self._session.training is None  # else one that waits is asked about first, and these keys answer
        if alone and line.endswith(" "):
            self.query_one(Prompt).open(line)
        elif alone and line == "quit":
            self._give_up_keys()
            self._submit(line)
        else:
            self._turns.take(lambda: self._run_line(line))

    def _run_line(self, line: str) -> None:
        if line == "down" and self._came_from is not None and self._came_from[1] == self._tab:
            self._show_tab(self._came_from[0])
            return
        meant = self._open_pane.line_of(line)
        if line == ENTER:
            self._note_way(meant)
        line = meant
        if self._session.training is not None:
            line = self._session.training.line(line)
        if line.endswith(" "):
            self.query_one(Prompt).open(line)
        elif line:  # else the pane has done all there is to do
            self._submit(line)

    def _note_way(self, line: str) -> None:
        """Where Enter leads to another tab Backspace leads back."""
        tab = DRAWN_IN.get(line.partition(" ")[0])
        self._came_from = (self._tab, tab) if tab is not None and tab != self._tab else None

    def _give_up_keys(self) -> None:
        """Whoever leaves does not wait for what keys have asked for, nor long for what is under way; what was typed
        is still done."""
        self._turns.give_up()
        waiting = []
        with suppress(IndexError):  # the worker takes of them meanwhile; to walk over them would fail then
            while True:
                waiting.append(self._pending.popleft())
        self._pending.extend(entry for entry in waiting if entry[1])
        self._session.cancel()
        self.set_timer(LEAVING_SECONDS, lambda: self.app.exit(0))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing opens the prompt while it is open: then these keys are text."""
        opens = action in OPENS_PROMPT or (action == "line" and str(parameters[0]).endswith(" "))
        return not (opens and any(prompt.is_open for prompt in self.query(Prompt)))

    def action_next_tab(self) -> None:
        """Show the next of the tabs."""
        self._turns.take(lambda: self._show_tab(TABS[(TABS.index(self._tab) + 1) % len(TABS)]))

    def action_module(self, step: int) -> None:
        """Look at another row of the tree."""
        self._turns.take(lambda: self._move(step))

    def _move(self, step: int) -> None:
        for line in self.query_one(NetworkTree).move(step):
            self._submit(line)

    def action_scroll(self, pages: int) -> None:
        """Scroll the open tab."""
        self._turns.take(lambda: self._open_pane.page(pages))

    def action_cancel(self) -> None:
        """Stop what is running, else the tour."""
        if self._busy:
            self._session.cancel()
        elif self._refining:
            self._telling = True
            self._session.cancel_sampling()
        elif self.view is not None and self.view.tour:
            self.submit("tour stop")
        else:
            self._turns.take(self._leave_pane)

    def _leave_pane(self) -> None:
        if line := self._open_pane.line_of(""):
            self._submit(line)

    def on_asked(self, event: Asked) -> None:
        """Something was clicked."""
        if event.line:
            self._note_way(event.line)
            self.submit(event.line)

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        """A tab was clicked."""
        self._turns.take(lambda: self._show_tab(event.tab))

    def on_unmount(self) -> None:
        """However it was left."""
        self._stop()

    def action_help(self) -> None:
        """Show every key and command."""
        self.app.push_screen(HelpScreen(entries_of(self.registry)))

    def on_network_tree_chosen(self, event: NetworkTree.Chosen) -> None:
        """A row of the tree was clicked."""
        for line in event.lines:
            self.submit(line)

    def on_operations_chosen(self, event: Operations.Chosen) -> None:
        """An operation was clicked."""
        self.submit(f"node {event.node}")

    def on_answered(self, event: Answered) -> None:
        """Show answers and the view after them; go on with what was asked for meanwhile."""
        self._busy = False
        with self.app.batch_update():
            if event.view is not None:
                self.view = event.view
            for answer in event.answers:
                self._show_answer(answer)
        self._turns.answered(line for line, _ in list(self._pending))
        self._work_on()

    def on_grown(self, event: Grown) -> None:
        """Show what the run has recorded since; a new failure is looked into."""
        self._growing = False
        if event.error:
            self.query_one(Prompt).say(event.error, "warning")
        if event.view is not None:
            if rings := alarm(self.view, event.view):
                self.app.bell()
                self.query_one(Prompt).say(rings, "error")
            self.view = event.view
            if event.said:
                self.query_one(Prompt).say(event.said, "warning")
            self._looked = event.view.findings_complete
            self._work_on()

    def on_refined(self, event: Refined) -> None:
        """Show the sampled chart, or why there is none; go on with what is wanted by now."""
        self._refining = False
        prompt = self.query_one(Prompt)
        if event.error:
            prompt.say(event.error, "error")
        elif self._telling:
            prompt.say(_outcome(event.view), "dim")
        self._telling = False
        if event.view is not None:
            self.view = event.view
        self._work_on()

    def on_looked(self, event: Looked) -> None:
        """Show what the background look found. One that was cancelled for a command is taken up again."""
        self._looking = False
        if event.view is not None:
            self.view, self._looked = event.view, True
            if event.said and not self._offering:
                self.query_one(Prompt).say(event.said)
        elif not self._interrupted:
            self._looked = True
            self.query_one(Prompt).say(event.error, "warning")
        self._work_on()

    def watch_view(self, view: View | None) -> None:
        """Give every pane its part; each sends what changed."""
        if view is None:
            return
        with self.app.batch_update():
            self.query_one(Status).show_view(view)
            tree = self.query_one(NetworkTree)
            tree.show_tree(view.tree, view.module, view.tree_place, keep=bool(self._pending))
            self.query_one(LossChart).show_loss(view.loss, view.cursor)
            subject = subject_of(view.dynamics, view.module, view.quantity)
            self.query_one(DynamicsChart).show_dynamics(view.dynamics, subject, view.cursor, view.picked, view.readings)
            show_in_tabs(self, view, self._hint)
            self.query_one(Findings).show_view(view)
            self.query_one(Displays).show_displays(view.displays, view.cursor)
            self.query_one(TourLines).show_tour(view.tour)

    def _stop(self) -> None:
        """Nobody needs what is under way any more; the process would wait for it."""
        self._session.cancel()
        self._session.cancel_sampling()

    @property
    def at_work(self) -> bool:
        """Whether a worker is running, or has something to do."""
        return bool(self._busy or self._looking or self._refining or self._pending)

    @property
    def _tab(self) -> str:
        return self.query_one(ContentSwitcher).current or TABS[0]

    @property
    def _open_pane(self) -> RowsPane:
        return self.query_one(f"#{self._tab}", RowsPane)

    def _begin_work(self) -> None:
        """The first paint is made: garbage, put off until now, is looked for again."""
        gc.freeze()
        gc.enable()
        if broken := self._session.diary.broken_off:
            self.query_one(Prompt).say(f"{broken.words}; Ctrl+R or `resume` takes it up", "warning")
        if self.view is not None:
            self._turns.answered(line for line, _ in list(self._pending))
        self._work_on()

    def _work_on(self) -> None:
        """Start the worker on what is pending, else look for findings if that is still to be done."""
        if self._poll is None:
            return
        self._refine()
        if self._busy:
            return
        if self._pending or self.view is None:
            self._busy = True
            self.run_worker(lambda: drain(self._session, self.registry, self._pending, self.post_message), thread=True)
        elif self._painted and not self._looking and not self._looked and not self.view.findings_complete:
            self._looking, self._interrupted = True, False
            self.run_worker(lambda: look(self._session, self.post_message, lambda: self._interrupted), thread=True)
        (self._poll.resume if self._busy or self._looking or self._refining else self._poll.pause)()

    def _refine(self) -> None:
        """Have the chart sampled if that is to be done; one at a time."""
        if self._painted and not self._refining and self._session.sampling_due and self._poll is not None:
            self._refining = True
            self._poll.resume()
            self.run_worker(lambda: refine(self._session, self.post_message), thread=True)

    def _look_now(self) -> None:
        """The first paint is out; loading torch would have held it up."""
        self._painted = True
        self._work_on()

    def _take_in(self) -> None:
        """Ask for what is new, unless the session is at work: then the next time."""
        self._refine()
        if self._session.watched and self._painted and not (self._busy or self._looking or self._growing):
            self._growing = True
            self.run_worker(lambda: take_in(self._session, self.post_message), thread=True)

    def _show_answer(self, answer: Answer) -> None:
        prompt = self.query_one(Prompt)
        self._answered, self._telling = time.monotonic(), False
        if answer.result is None:
            prompt.say(answer.error, "error")
            self.show_wrong(answer)
            return
        if answer.result.edit is not None:
            self.edit(answer.result.edit)
            return
        if answer.result.quit:
            self._stop()
            self.app.exit(0)
        line = _one_line(answer.result)
        drawn = answer.result.command in DRAWN_ABOVE and self._tab not in COVERING
        if (line is None and not drawn) or answer.typed:
            self.query_one(Output).add(answer.line, answer.result)
        tab = DRAWN_IN.get(answer.result.command, "output" if line is None and not drawn else None)
        if answer.result.command in CHOOSES_SERIES and not self.query_one(DynamicsChart).display:
            tab = TABS[0]
        if answer.result.command in TABLES_APART and any(isinstance(b, Table) for b in answer.result.blocks):
            tab = "output"
        if tab is not None:
            self._show_tab(tab)
        said = line or answer.result.said or _warning(answer.result) or _of_chart(answer.result) or Text(answer.line)
        prompt.say(said.text, said.style)

    def _show_tab(self, tab: str) -> None:
        if self._came_from is not None and tab != self._came_from[1]:
            self._came_from = None
        if tab != self._tab:
            self.query_one(ContentSwitcher).current = tab
            self.set_class(tab == "output", "-reading")
            self.set_class(tab in TALL, "-units")
        self._show_tabs()

    def _show_tabs(self) -> None:
        self.query_one(Tabs).show_tabs(TABS, TABS.index(self._tab))

    def _show_progress(self) -> None:
        done, text = self._session.under_way
        if self._busy and text:
            self.query_one(Prompt).say(f"{text} · {done:.0%} · Esc cancels", "dim")
        elif self._waiting and not self._offering and (sampling := self._session.sampling):
            self._telling = True
            self.query_one(Prompt).say(f"{sampling[1]} · {sampling[0]:.0%} · Esc cancels", "dim")

    @property
    def _offering(self) -> bool:
        """Whether a session that broke off is offered, and nothing was asked for since."""
        return self._session.diary.broken_off is not None and not self._answered

    @property
    def _waiting(self) -> bool:
        """Whether a chart is waited for, and the last answer has been there to read."""
        chart = None if self.view is None else self.view.dynamics
        return chart is not None and chart.preliminary and time.monotonic() > self._answered + ANSWER_SECONDS

    def _hint(self, command: str, purpose: str) -> str:
        key = key_of(self.registry, command)
        return f"press {key} {purpose}" if key else f": {command} {purpose}"


def screen_type(registry: Registry) -> type[MainScreen]:
    """The main screen with the keys that ``registry`` declares."""
    return type("MainScreen", (MainScreen,), {"BINDINGS": bindings(registry)})


def _outcome(view: View | None) -> str:
    """Why the chart is not what was asked for; empty where it is."""
    chart = None if view is None else view.dynamics
    return "" if chart is None or (chart.lines and not chart.preliminary) else chart.advice


def _warning(result: Result) -> Text | None:
    """What of a longer answer must not be missed."""
    return next((b for b in result.blocks if isinstance(b, Text) and b.style == "warning"), None)


def _of_chart(result: Result) -> Text | None:
    """A chart in a line: how much of all it shows, and what would show more."""
    chart = next((b for b in result.blocks if isinstance(b, Chart)), None)
    return None if chart is None else Text(" · ".join(filter(None, (caption(chart), chart.advice))))


def _one_line(result: Result) -> Text | None:
    """The answer, if it is one line; an empty one where there is none."""
    if not result.blocks:
        return Text("")
    only = result.blocks[0]
    return only if len(result.blocks) == 1 and isinstance(only, Text) and "\n" not in only.text else None
