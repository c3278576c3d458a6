"""The commands, by theme; importing this package declares them all."""

from dgmtui.commands import (  # noqa: F401  (importing declares the commands)
    analyse,
    charting,
    classes,
    clustering,
    comparing,
    crediting,
    dying,
    edges,
    editing,
    exporting,
    forecast,
    growth,
    look,
    mapping,
    move,
    patterns,
    printing,
    replaying,
    scalars,
    session,
    stepping,
    thresholds,
    tree,
)
from dgmtui.commands.registry import REGISTRY

__all__ = ["REGISTRY"]
