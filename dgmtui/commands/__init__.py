"""The commands, by theme; importing this package declares them all."""

from dgmtui.commands import (  # noqa: F401  (importing declares the commands)
    analyse,
    bisecting,
    breaking,
    charting,
    classes,
    clustering,
    comparing,
    contributing,
    crediting,
    dataflow,
    displaying,
    dying,
    edges,
    editing,
    excluding,
    exporting,
    finding,
    forecast,
    growth,
    look,
    losses,
    mapping,
    move,
    networks,
    patterns,
    printing,
    replaying,
    scalars,
    session,
    stepping,
    thresholds,
)
from dgmtui.commands.registry import REGISTRY

__all__ = ["REGISTRY"]
