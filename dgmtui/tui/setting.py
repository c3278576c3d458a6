"""What a person has set for good, put to work when the screen starts."""

import sys
from typing import TYPE_CHECKING

from dgmtui.render.plain import is_plain

if TYPE_CHECKING:
    from dgmtui.commands.registry import Registry
    from dgmtui.session.config import Config


def set_keys(registry: "Registry", config: "Config") -> tuple[str, ...]:
    """Move the keys that are to be others; what is wrong with them, a sentence each."""
    from dgmtui.tui.keys import own_keys

    registry.own_keys = own_keys()
    registry.wanted_keys = config.wanted()
    return registry.about_keys


def ascii_only(config: "Config") -> bool:
    """Whether glyphs are left out: as it is set, else as the locale tells."""
    return is_plain(sys.stdout) if config.glyphs == "auto" else config.glyphs == "ascii"


def mouse(config: "Config", remote: bool) -> bool:
    """Whether the mouse is asked for: as it is set, else not over a slow line."""
    return not remote if config.mouse is None else config.mouse
