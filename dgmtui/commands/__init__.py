"""The commands, by theme; importing this package declares them all."""

from dgmtui.commands import (  # noqa: F401  (importing declares the commands)
    analyse,
    charting,
    crediting,
    editing,
    exporting,
    growth,
    look,
    move,
    replaying,
    session,
)
from dgmtui.commands.registry import REGISTRY

__all__ = ["REGISTRY"]
