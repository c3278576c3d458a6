"""What a recording calls its modules, channels and scalars, those met late among them."""

from functools import cached_property

from dgmtui.errors import UsageError
from dgmtui.recording.codec import from_json
from dgmtui.recording.model import Channel, ModuleInfo, Quantity
from dgmtui.recording.names import Network, find_module, nearest, parse_network
from dgmtui.recording.opening import reading
from dgmtui.recording.recorded_log import RecordedLog
from dgmtui.recording.schema import LogKind


class RecordedNames(RecordedLog):
    """A recording's file and log with the names of what it holds."""

    @cached_property
    def _late_networks(self) -> tuple[Network, ...]:
        with reading(self.path, "the log"):
            return tuple(parse_network(text) for text in self.log.texts(LogKind.LATE_CHANNELS))

    @cached_property
    def modules(self) -> tuple[ModuleInfo, ...]:
        """The modules in the order of ``named_modules()``, those met late at the end."""
        return self._network.modules + tuple(module for late in self._late_networks for module in late.modules)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """What was recorded of which module; a channel's place is its id."""
        return self._network.channels + tuple(channel for late in self._late_networks for channel in late.channels)

    @cached_property
    def _late_scalars(self) -> tuple[str, ...]:
        with reading(self.path, "the log"):
            return tuple(str(from_json(text)) for text in self.log.texts(LogKind.LATE_SCALAR))

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of the logged scalars."""
        return self._network.scalars + self._late_scalars

    def module(self, path: str) -> ModuleInfo:
        """The module at this path; ``UsageError`` with the nearest paths where there is none."""
        known = self._modules_by_path.get(path)
        return find_module(path, self.modules) if known is None else known

    @cached_property
    def _modules_by_path(self) -> dict[str, ModuleInfo]:
        return {module.path: module for module in reversed(self.modules)}

    @cached_property
    def _channel_ids(self) -> dict[tuple[str, Quantity], int]:
        return {(channel.module, channel.quantity): i for i, channel in enumerate(self.channels)}

    def channel(self, module: str, quantity: Quantity | str) -> int:
        """The id of a module's quantity; ``UsageError`` where it was not recorded."""
        self.module(module)
        found = self._channel_ids.get((module, quantity))  # type: ignore[arg-type]
        if found is None:
            recorded = [each.value for path, each in self._channel_ids if path == module]
            raise UsageError(f"the {quantity} of module {module!r} was not recorded{nearest(str(quantity), recorded)}")
        return found
