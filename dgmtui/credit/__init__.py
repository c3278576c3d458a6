"""Credit assignment: what each unit put into another's value (forward) or made of its gradient (backward)."""

from dgmtui.credit.backward import backward_contributions, contributions
from dgmtui.credit.cause import cause_of
from dgmtui.credit.chain import chain
from dgmtui.credit.forward import forward_contributions
from dgmtui.credit.gains import gradient_chain
from dgmtui.credit.model import AccountLine, Chain, Contribution, Contributions, Link, Target
from dgmtui.credit.propagation import LrpRule, Propagation
from dgmtui.credit.target import parse_target

__all__ = [
    "AccountLine",
    "Chain",
    "Contribution",
    "Contributions",
    "Link",
    "LrpRule",
    "Propagation",
    "Target",
    "backward_contributions",
    "cause_of",
    "chain",
    "contributions",
    "forward_contributions",
    "gradient_chain",
    "parse_target",
]
