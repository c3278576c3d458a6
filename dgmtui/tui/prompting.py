"""What the screen does with the prompt: lines, searches, the palette, and a file that is to be edited."""

import os
import shlex
import subprocess
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from dgmtui.commands.grammar import quote
from dgmtui.commands.hinting import hint
from dgmtui.commands.registry import Command, Registry
from dgmtui.render.chart import Row
from dgmtui.tui.keys import footer
from dgmtui.tui.palette import PREFIX, Palette
from dgmtui.tui.widgets.network_tree import NetworkTree
from dgmtui.tui.widgets.pane import RowsPane
from dgmtui.tui.widgets.prompt import CommandInput, Prompt
from dgmtui.tui.widgets.status import Line, keys_row

if TYPE_CHECKING:
    from textual.reactive import Reactive

    from dgmtui.session.view import View
    from dgmtui.tui.messages import Answer

SEARCH = "/"
EDITORS = ("VISUAL", "EDITOR")


class Prompting(Screen[None]):
    """The part of the main screen that takes lines."""

    registry: Registry
    view: "Reactive[View | None]"
    _palette: Palette

    @abstractmethod
    def submit(self, line: str, *, typed: bool = False) -> None:
        """Run one command line."""

    def begin(self, command: Command) -> None:
        """Run a command, or ask for what it needs."""
        if any(parameter.required for parameter in command.parameters):
            self.query_one(Prompt).open(f"{command.name} ")
        else:
            self.submit(command.name, typed=True)

    def action_prompt(self) -> None:
        """Take a command line."""
        self.query_one(Prompt).open()

    def action_search(self) -> None:
        """Take a part of a module's name."""
        self.query_one(Prompt).open(prefix=SEARCH)

    def action_palette(self) -> None:
        """List all commands, and take letters of one."""
        with self.app.batch_update():
            self.query_one(Prompt).open(prefix=PREFIX, listing=True)
            self._palette.open(self._covered)
            told = [("↑ ↓", "choose"), ("Enter", "run"), ("Tab", "with arguments"), ("Esc", "close")]
            self._show_line(keys_row(told, self.size.width))

    def on_prompt_entered(self, event: Prompt.Entered) -> None:
        """A line was entered."""
        self._show_footer()
        if event.prefix == PREFIX:
            self._choose(with_arguments=False)
        elif event.prefix:
            self.submit(f"search {event.line}" if event.line else "search-next")
        elif event.line:
            self.submit(event.line, typed=True)

    def on_prompt_left(self, event: Prompt.Left) -> None:
        """The prompt was closed."""
        self._palette.close()
        self._show_footer()

    def on_command_input_typed(self, event: CommandInput.Typed) -> None:
        """Say what can be typed, or look for what was."""
        prompt = self.query_one(Prompt)
        if prompt.prefix == PREFIX:
            self._palette.search(event.text.strip(), self._covered)
        elif prompt.is_open and not prompt.prefix:
            pieces = hint(self.registry, event.text)
            if pieces:
                self._show_line([(" ", ""), *pieces])
            else:
                self._show_footer()

    def on_command_input_moved(self, event: CommandInput.Moved) -> None:
        """Another line of the palette."""
        self._palette.move(event.step, self._covered)

    def on_command_input_offered(self, event: CommandInput.Offered) -> None:
        """Show in the footer how the line could go on; of the palette, begin the line that is chosen."""
        prompt = self.query_one(Prompt)
        if prompt.prefix == PREFIX:
            prompt.close()
            self._choose(with_arguments=True)
        elif event.lines:
            self._show_line(
                _candidates([line.rpartition(" ")[2] for line in event.lines], event.chosen, self.size.width)
            )

    def show_wrong(self, answer: "Answer") -> None:
        """Show a typed line that failed with the word in it that is wrong; the prompt's ↑ takes it up again."""
        if answer.at is None or not answer.typed or self.query_one(Prompt).is_open:
            return
        start, end = answer.at
        line = answer.wrong.ljust(start) + " " * (end == start)
        end = max(end, start + 1)
        if answer.wrong == answer.line:
            self.query_one(Prompt).keep_wrong(answer.line, answer.at)
        row = [
            (" ", ""),
            (line[:start], ""),
            (line[start:end], "cursor"),
            (line[end:], ""),
            ("   : ↑ corrects it", "dim"),
        ]
        self._show_line(row)

    def edit(self, file: Path) -> None:
        """Leave the terminal to an editor, and take it back."""
        editor = next((os.environ[name] for name in EDITORS if os.environ.get(name)), "vi")
        prompt = self.query_one(Prompt)
        try:
            with self.app.suspend():
                code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        except (OSError, ValueError) as error:
            prompt.say(f"can't run {editor!r} ({error}); set EDITOR, or edit {file}", "error")
            return
        except SuspendNotSupported:
            prompt.say(f"this terminal can't be left; edit {file}", "error")
            return
        self.refresh()
        prompt.say(f"{file} edited" if not code else f"{editor} ended with {code}; {file} is as it left it", "dim")

    def _choose(self, *, with_arguments: bool) -> None:
        """Run what is chosen in the palette; or put it into the prompt, where it needs arguments or some are wanted."""
        self._palette.close()
        self._show_footer()
        entry = self._palette.chosen
        if entry is None:
            self.query_one(Prompt).say("no command has these letters", "error")
        elif entry.asks or with_arguments:
            self.query_one(Prompt).open(f"{entry.line} ")
        else:
            self.submit(entry.line, typed=True)

    @property
    def _covered(self) -> RowsPane:
        """The pane that the palette is drawn over: the open tab, or the tree where the tabs are hidden."""
        tab = self.query_one(ContentSwitcher)
        if not tab.display or not tab.size.height:
            return self.query_one(NetworkTree)
        return self.query_one(f"#{tab.current}", RowsPane)

    def _look_at(self, path: str) -> None:
        self.submit(f"module {quote(path) if path else '.'}")

    def _show_footer(self) -> None:
        self._show_line(keys_row(footer(self.registry), self.size.width))

    def _show_line(self, row: Row) -> None:
        self.query_one("#footer", Line).show_row(row)


def _candidates(words: list[str], chosen: int | None, width: int) -> Row:
    """As many words as fit, from the chosen one's page on; that one marked."""
    pages: list[list[int]] = [[]]
    used = 0
    for place, word in enumerate(words):
        if used + len(word) + 2 > width - 8 and pages[-1]:
            pages.append([])
            used = 0
        pages[-1].append(place)
        used += len(word) + 2
    page = next((p for p in pages if chosen in p), pages[0])
    row: Row = [(" ", "")]
    for place in page:
        row += [
            (f"[{words[place]}]" if place == chosen else f" {words[place]} ", "cursor" if place == chosen else "dim")
        ]
    left = len(words) - len(page)
    return [*row, (f" +{left}", "dim")] if left else row
