"""The network as a graph, as plain frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["input", "module", "function"]


@dataclass(frozen=True)
class Flow:
    """A tensor that goes along an edge."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    low: float | None = None
    high: float | None = None
    """Least and greatest finite value; None where it was not replayed, or none is finite."""
    nonfinite: int = 0
    replayed: bool = False


@dataclass(frozen=True)
class Vertex:
    """A call of a module, a few operations between modules, or what comes from outside."""

    kind: Kind
    label: str
    """The module's path, the operations' names, or the input's name."""
    type: str = ""
    """The module's class; of functions nothing."""
    modules: tuple[str, ...] = ()
    """Paths of the modules that it stands for; several where repeated ones are folded."""
    index: int = 0
    """Which call of the module it is, in this trace."""
    repeats: int = 1
    """How many like it, one after another, it stands for."""
    nodes: tuple[int, int] = (0, 0)
    """Of the trace, the first that is part of it and the last."""
    node_count: int = 0
    source: str = ""
    """Of functions, the line that runs them."""
    random: bool = False
    """It draws from a random generator."""
    loss: bool = False
    """The loss comes out of it."""
    born: bool = False
    """The first non-finite value was born in it."""
    health: str = ""
    """``error`` (born here), ``nonfinite`` (holds some), else as the recording tells: ``warning``, ``error`` or
    nothing."""
    out: Flow = Flow()
    """What it gives to what follows first."""
    on_path: bool = False
    """On the way from the input to the first non-finite value, along the largest values."""


@dataclass(frozen=True)
class Edge:
    """What one vertex gives to another that comes later."""

    tail: int
    """The vertex that gives, by its place in ``Network.vertices``."""
    head: int
    """The one that takes; ``tail < head``."""
    flow: Flow
    """The first tensor that goes along it."""
    tensors: int = 1
    """How many different ones do."""
    on_path: bool = False


@dataclass(frozen=True)
class Network:
    """One forward pass, in execution order."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    module: str
    """What it is the inside of; ``""``: all of it."""
    depth: int
    """How many levels of modules are opened."""
    deepest: int
    """How many there are."""
    turn: str = ""
    title: str = ""
    replayed: bool = False
    note: str = ""
    """What was left out or folded, and what to type to see it."""


def told_once(networks: Sequence[Network]) -> list[tuple[str, Network]]:
    """Networks with their titles (``turn 2``, ``turns 1, 3``; nothing where there is one turn): those that are the same
    but for their turn, ranges included, come once, with all their turns."""
    turns: dict[Network, list[str]] = {}
    for network in networks:
        turns.setdefault(replace(network, turn=""), []).append(network.turn)
    return [
        (f"turn{'s' * (len(names) > 1)} {', '.join(names)}" if names[0] else "", network)
        for network, names in turns.items()
    ]
