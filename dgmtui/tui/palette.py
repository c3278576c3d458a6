"""The command palette: every command of the session, found by any part of its name or summary."""

from collections.abc import Callable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from dgmtui.commands.registry import Command
from dgmtui.tui.screen import MainScreen


class CommandProvider(Provider):
    """Offers the registry's commands; one that needs arguments is put into the prompt for them."""

    async def discover(self) -> Hits:
        """All commands, in the order of the help."""
        for command in self._commands():
            yield DiscoveryHit(Content(command.usage), self._chosen(command), text=command.name, help=command.summary)

    async def search(self, query: str) -> Hits:
        """The commands that match, the best first."""
        matcher = self.matcher(query)
        for command in self._commands():
            by_name = matcher.match(command.name)
            score = max(by_name, matcher.match(f"{command.name} {command.summary}") * 0.8)
            if score > 0:
                name = matcher.highlight(command.name) if by_name else Content(command.name)
                shown = name.append(command.usage.removeprefix(command.name))
                yield Hit(score, shown, self._chosen(command), text=command.name, help=command.summary)

    def _commands(self) -> tuple[Command, ...]:
        screen = self.screen
        return screen.registry.commands if isinstance(screen, MainScreen) else ()

    def _chosen(self, command: Command) -> Callable[[], None]:
        def run() -> None:
            if isinstance(self.screen, MainScreen):
                self.screen.begin(command)

        return run
