"""LRP-ε (Bach et al. 2015, eq. 58) for what is linear in its operands, taken alone or two at a time."""

from torch import Tensor

from dgmtui.credit.flow import Kind
from dgmtui.credit.rules.moving import elementwise
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, added, floating, jointly, stabilised
from dgmtui.credit.rules.weighted import layer_of, weighted
from dgmtui.credit.table import ELEMENTWISE_PRODUCTS, FACTORS, packet
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments


def linear(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``R_x = x ⊙ J_xᵀ(R / (z + ε·sign z))`` for operands and added constants jointly."""
    carriers = setting.flow.carriers(node)
    constants = tuple(ref for ref in added(node, setting, excluded=("weight",)) if ref not in carriers)
    done = Spread(jointly(node, arriving, setting, carriers + constants))
    if packet(node.op) in ("add", "sub", "rsub"):
        done.literal = _literal_share(node, arriving, setting)
    return done


def quadratic(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``R_x = x ⊙ J_xᵀ(R / 2z)``: of ``Σ(x − y)²``, squares pass relevance as it is and differences share it."""
    parts = jointly(node, arriving, setting, floating(node, setting))
    return Spread({ref: part / 2 for ref, part in parts.items()})


def bilinear(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """Linear in each factor with the others held: equal shares to those that are activations and no gates.

    A layer with weights gets the rule that was asked for (``table.LAYER_RULES``).
    """
    layer = layer_of(node, setting)
    if layer is not None:
        return weighted(layer, arriving)
    open_ = _open_factors(node, setting)
    terms = added(node, setting, excluded=FACTORS[packet(node.op)])
    parts = jointly(node, arriving, setting, tuple(dict.fromkeys((*open_, *terms))))
    if len(open_) > 1:
        for ref in set(open_) - set(terms):
            parts[ref] = parts[ref] / len(open_)
    return Spread(parts)


def _open_factors(node: Node, setting: Setting) -> list[Ref]:
    """The factors that relevance goes to; a tensor multiplied by itself is there twice."""
    named = named_arguments(node)
    factors = [named[name] for name in FACTORS[packet(node.op)]]
    refs = [ref for ref in factors if isinstance(ref, NodeRef | OutsideRef)]
    mixing = packet(node.op) in ELEMENTWISE_PRODUCTS
    open_ = [ref for ref in refs if not setting.flow.is_gate(ref, mixing)]
    return open_ or [ref for ref in refs if setting.flow.kind(ref) is Kind.ACTIVATION]


def ratio(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """All to the numerator, as if the denominator were a constant."""
    numerator = named_arguments(node)["self"]
    carriers = setting.flow.carriers(node)
    if numerator in carriers:
        return Spread(jointly(node, arriving, setting, (numerator,)))
    return elementwise(node, arriving, setting)


def local(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """The linear rule on the local derivative."""
    return Spread(jointly(node, arriving, setting, setting.flow.carriers(node)), approximate=True)


def _literal_share(node: Node, arriving: Arriving, setting: Setting) -> float | Tensor:
    """What a number that is added takes: ``x + 1``."""
    named = named_arguments(node)
    number = named.get("self") if isinstance(named.get("self"), int | float) else named.get("other")
    if isinstance(number, bool) or not isinstance(number, int | float) or arriving[0] is None:
        return 0.0
    alpha = named.get("alpha", 1)
    sign = -1 if packet(node.op) == "sub" else 1
    share = sign * number * (alpha if isinstance(alpha, int | float) and packet(node.op) != "rsub" else 1)
    return share * stabilised(arriving[0], setting.value(NodeRef(node.id)), setting.propagation.epsilon).real.sum()
