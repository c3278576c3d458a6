"""What a module's output may not pass: where an exponential after it overflows, or its dtype ends."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dgmtui.findings.layers.lineage import affine_source
from dgmtui.trace.graph import Graph, Node

LARGEST = {
    "float32": 3.4028234663852886e38,
    "float64": 1.7976931348623157e308,
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
}
"""Greatest finite value of each dtype."""
EXPONENTIALS: dict[str, Callable[[float], float]] = {
    "exp": math.log,
    "exp_": math.log,
    "expm1": math.log1p,
    "cosh": lambda largest: math.log(largest) + math.log(2),
}
"""Operation → from the greatest finite result to the input that gives it."""


@dataclass(frozen=True)
class Limit:
    """A module's output that an exponential downstream can't take beyond ``bound``."""

    module: str
    bound: float
    upwards: bool
    """The output may not rise above ``bound``; else not fall below it."""
    node: Node


def limits_of(graph: Graph) -> Iterator[Limit]:
    """Every module output that an exponential takes through literals only, with the value at which that overflows."""
    for node in graph.nodes:
        name = node.op.split(".")[1]
        if name not in EXPONENTIALS or not node.args or isinstance(node.args[0], int | float | str):
            continue
        ref = next(node.inputs())
        source = affine_source(graph, ref)
        meta = graph.meta(ref)
        if source is None or source.scale == 0 or meta.dtype not in LARGEST:
            continue
        top = EXPONENTIALS[name](LARGEST[meta.dtype])
        yield Limit(source.call.module, (top - source.shift) / source.scale, source.scale > 0, node)


def largest_of(graph: Graph | None, module: str) -> float:
    """The greatest finite value of what a module gives out; float32's where that is unknown."""
    for call in graph.calls if graph else ():
        if call.module == module:
            for ref in call.outputs:
                if (dtype := graph.meta(ref).dtype if graph else "") in LARGEST:
                    return LARGEST[dtype]
    return LARGEST["float32"]
