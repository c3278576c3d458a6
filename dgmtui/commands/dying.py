"""The command that shows which layers are dead, and how that came."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.dying import layer_of, layers_here
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.findings.layers.dead_layers import Layer


@command("dead", group="analyse", needs_replay=True)
def dead(session: Session, module: ModulePath = "", *, top: int = 20) -> Result:
    """Show, layer by layer, how many units let nothing through, for how many samples, and since when.

    The snapshot at or before the cursor is replayed. A unit lets nothing through for a sample where the slope of its
    activation function is below 0.001 at every position: of a ReLU, where what goes in is zero or less; a sigmoid or a
    tanh is saturated there; a LeakyReLU always lets something through. It is dead if that is so for every sample.
    "since" is of the recorded rows: from that iteration on, nine tenths of the units that are dead at the end are zero
    for every sample in each row. With MODULE, an activation function or what feeds it: its units, deadest first, --top
    so many (0: all).

    JSON: {"command":"dead","iteration","module","samples","layers":[{"module","label","op","source","fed_by","feeds",
    "units","dead","below","silent_samples","highest","since","all_since","recorded_dead","bias","input","gradient",
    "cause"}…],"units":[{"unit","samples","below","highest","from_weights","bias","weight"}…]}: "below" is the share of
    what goes in at or below zero, "silent_samples" that of samples for which no unit lets anything through, "bias" and
    "input" [least, greatest] of the layer that feeds it, "gradient" the greatest that goes back to it, "from_weights"
    the mean of what the weights make of the input; "units" is null without MODULE.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    layers = layers_here(session)
    chosen = layer_of(layers, module) if module else None
    iteration = session.needed_snapshot().iteration
    units = None if chosen is None else sorted(chosen.units, key=lambda unit: (-unit.samples, unit.highest))
    data = {
        "iteration": iteration,
        "module": module or None,
        "samples": layers[0].here.samples,
        "layers": [_layer_data(session, layer) for layer in layers],
        "units": None if units is None else [asdict(unit) for unit in (units[:top] if top else units)],
    }
    blocks = _layer_blocks(layers) if chosen is None else _unit_blocks(chosen, top)
    return Result("dead", data, (*blocks, *as_edited(session), *elsewhere(session, iteration)))


def _layer_data(session: Session, layer: "Layer") -> dict[str, Any]:
    graph = session.graph
    source = None if graph is None else graph.nodes[layer.site.node].source
    return {
        "module": layer.site.module, "label": layer.site.label, "op": layer.site.op,
        "source": None if source is None else str(source), "fed_by": layer.site.fed_by, "feeds": list(layer.site.feeds),
        "units": len(layer.units), "dead": layer.dead, "below": layer.here.below,
        "silent_samples": layer.here.silent_samples, "highest": layer.here.highest, "since": layer.since,
        "all_since": layer.complete, "recorded_dead": layer.recorded_dead,
        "bias": None if layer.bias is None else list(layer.bias),
        "input": None if layer.taken is None else list(layer.taken),
        "gradient": layer.here.gradient, "cause": layer.cause or None,
    }  # fmt: skip


def _layer_blocks(layers: "tuple[Layer, ...]") -> tuple[Block, ...]:
    rows = tuple(
        (
            layer.site.label,
            layer.site.fed_by,
            f"{layer.dead} of {len(layer.units)}",
            round(100 * layer.here.below, 1),
            round(100 * layer.here.silent_samples, 1),
            layer.since,
            _range(layer.bias),
        )
        for layer in layers
    )
    columns = ("layer", "fed by", "dead", "below 0 %", "samples %", "since", "bias")
    table = Table(
        columns, rows, note=f"samples %: those, of {layers[0].here.samples}, for which no unit lets anything through"
    )
    return (Text(_verdict(layers), "strong"), table, *(Text(line) for line in _causes(layers)))


def _verdict(layers: "tuple[Layer, ...]") -> str:
    """The worst first: where everything stops, else where most units are dead."""
    shut = [layer for layer in layers if layer.dead == len(layer.units)]
    if shut:
        worst = min(shut, key=lambda layer: float("inf") if layer.since is None else layer.since)
        since = "" if worst.since is None else f" since iteration {worst.since:,}"
        if len(shut) == 1:
            return f"{worst.site.label} is dead{since}: it lets nothing through."
        first = "" if worst.since is None else f"; {worst.site.label} was the first,{since}"
        return f"{len(shut)} of {len(layers)} layers let nothing through{first}."
    count = sum(layer.dead for layer in layers)
    if not count:
        return "No unit is dead here."
    worst = max(layers, key=lambda layer: layer.dead / len(layer.units))
    return f"{count} units are dead; the most in {worst.site.label}: {worst.dead} of {len(worst.units)}."


def _causes(layers: "tuple[Layer, ...]") -> list[str]:
    return [f"{layer.site.label}: {layer.cause}." for layer in layers if layer.cause]


def _unit_blocks(layer: "Layer", top: int) -> tuple[Block, ...]:
    units = sorted(layer.units, key=lambda unit: (-unit.samples, unit.highest))
    shown = units[:top] if top else units
    rows = tuple(
        (
            unit.unit,
            round(100 * unit.samples, 1),
            round(100 * unit.below, 1),
            unit.highest,
            unit.from_weights,
            unit.bias,
            unit.weight,
        )
        for unit in shown
    )
    left = len(units) - len(shown)
    table = Table(
        ("unit", "samples %", "below 0 %", "highest in", "from weights", "bias", "mean weight"),
        rows,
        title=f"{layer.site.label}, fed by {layer.site.fed_by or 'an operation'}: {layer.dead} of {len(units)} dead",
        note=f"{left:,} more units; --top 0 shows all" if left else "",
    )
    return (table, *([Text(f"{layer.cause}.")] if layer.cause else []))


def _range(ends: tuple[float, float] | None) -> str | None:
    return None if ends is None else f"{ends[0]:.3g} … {ends[1]:.3g}"
