"""What a recording's modules, channels and scalars are called, and the nearest names to one that does not exist."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording.codec import decode, from_json
from dgmtui.recording.elements import has_elements_within
from dgmtui.recording.model import Channel, ModuleInfo

UNITS_BOUND = 1 << 40


@dataclass(frozen=True)
class Network:
    """What is recorded, by name: the text ``/about/network`` and the log's late additions to it."""

    modules: tuple[ModuleInfo, ...]
    channels: tuple[Channel, ...]
    scalars: tuple[str, ...] = ()


def parse_network(text: str) -> Network:
    """The network of one JSON text; ``RecordingError`` where it is none."""
    network = decode(Network, from_json(text))
    if any(not 0 <= channel.units < UNITS_BOUND for channel in network.channels):
        raise RecordingError("the recording claims an absurd number of units: the file is damaged.")
    if any(not has_elements_within(channel) for channel in network.channels):
        raise RecordingError("the recording claims to follow elements that a tensor does not have: it is damaged.")
    return network


def find_module(path: str, modules: Sequence[ModuleInfo]) -> ModuleInfo:
    """The module at this path; ``UsageError`` with the nearest paths where there is none."""
    for module in modules:
        if module.path == path:
            return module
    raise UsageError(f"no module {path!r} in this recording{nearest(path, (module.path for module in modules))}")


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence that offers the nearest names."""
    known = sorted(filter(None, set(names)))
    close = difflib.get_close_matches(name, known, 3, 0.5) or known[:5]
    return f": did you mean {', '.join(map(repr, close))}?" if close else ": it has none"
