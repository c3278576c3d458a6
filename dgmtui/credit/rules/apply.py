"""From an operation to its rule's function."""

from collections.abc import Callable

from dgmtui.credit.flow import Kind
from dgmtui.credit.rules.attention import attention
from dgmtui.credit.rules.linear import bilinear, linear, local, quadratic, ratio
from dgmtui.credit.rules.moving import elementwise, gated, moving
from dgmtui.credit.rules.norms import batch_norm, layer_norm
from dgmtui.credit.rules.passing import Arriving, Setting, Spread
from dgmtui.credit.rules.recurrent import lstm_layer
from dgmtui.credit.rules.softmax import expanded, softmax
from dgmtui.credit.table import PASSES_COMPLEX, Rule, packet, rule_of
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Node

APPLY: dict[Rule, Callable[[Node, Arriving, Setting], Spread]] = {
    Rule.LINEAR: linear,
    Rule.QUADRATIC: quadratic,
    Rule.BILINEAR: bilinear,
    Rule.RATIO: ratio,
    Rule.MOVING: moving,
    Rule.ELEMENTWISE: elementwise,
    Rule.GATED: gated,
    Rule.BATCH_NORM: batch_norm,
    Rule.LAYER_NORM: layer_norm,
    Rule.SOFTMAX: softmax,
    Rule.EXPANDED: expanded,
    Rule.ATTENTION: attention,
    Rule.LSTM: lstm_layer,
    Rule.LOCAL: local,
}


def spread(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """Hand the relevance that arrived at the results of ``node`` on to its operands.

    Raises:
        CreditError: the operation is needed and has no derivative, or is a function of complex numbers that no rule
            covers.
    """
    rule = rule_of(node.op)
    if rule in PASSES_COMPLEX or not _is_complex(node, setting):
        return APPLY[rule](node, arriving, setting)
    if packet(node.op) != "abs":
        raise CreditError(
            f"{node.name} (node {node.id}) is a function of complex numbers that relevance has no rule for; ask for a "
            "target before it, or replace it with real arithmetic"
        )
    return linear(node, arriving, setting)  # |t·z| = t·|z|, so real and imaginary part share it


def _is_complex(node: Node, setting: Setting) -> bool:
    metas = [setting.flow.graph.meta(ref) for ref in node.inputs() if setting.flow.kind(ref) is Kind.ACTIVATION]
    return any(meta is not None and meta.dtype.startswith("complex") for meta in (*metas, *node.outs))
