"""The commands, by theme; importing this package declares them all."""

from dgmtui.commands import analyse, editing, look, move, replaying, session  # noqa: F401  (importing declares the commands)
from dgmtui.commands.registry import REGISTRY

__all__ = ["REGISTRY"]
