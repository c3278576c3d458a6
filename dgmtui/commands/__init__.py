"""The commands, by theme; importing this package declares them all."""

from dgmtui.commands import (  # noqa: F401  (importing declares the commands)
    analyse,
    bookmarking,
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
    scripts,
    session,
    standing,
    stepping,
    thresholds,
)
from dgmtui.commands.registry import REGISTRY

__all__ = ["REGISTRY"]
