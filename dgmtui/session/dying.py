"""Which layers let nothing through at the snapshot here, and since when."""

from typing import TYPE_CHECKING

from dgmtui.errors import UsageError

if TYPE_CHECKING:
    from dgmtui.findings.layers.dead_layers import Layer
    from dgmtui.session.session import Session


def layers_here(session: "Session") -> "tuple[Layer, ...]":
    """Every activation function of the snapshot's iteration, as edited, in execution order.

    Raises:
        UsageError: there is none.
        ReplayError: the snapshot can't be run again.
    """
    from dgmtui.findings.case import Case
    from dgmtui.findings.layers.dead_layers import dead_layers

    replay = session.results.replay(session.needed_snapshot()).replay
    found = tuple(dead_layers(Case(session.recording, session.ranks.thresholds), replay))
    if not found:
        raise UsageError("no activation function (ReLU, GELU, sigmoid, …) is in this iteration's trace; see `nodes`")
    return found


def layer_of(layers: "tuple[Layer, ...]", module: str) -> "Layer":
    """The first layer whose activation function, or what feeds it, is ``module``.

    Raises:
        UsageError: there is none.
    """
    for layer in layers:
        if module in (layer.site.label, layer.site.fed_by) or (module and module == layer.site.module):
            return layer
    known = ", ".join(layer.site.label for layer in layers)
    raise UsageError(f"{module} is no activation function and feeds none; there are: {known}")
