"""How relevance passes one operation, a module a theme. ``table`` says which operation gets which rule.

A new rule is one function from a node, what arrived and the setting to a ``Spread``, a name in ``table.Rule``, a line
in ``apply.APPLY``, and a test against its paper's formula.
"""

from dgmtui.credit.rules.apply import spread
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, stabilised

__all__ = ["Arriving", "Setting", "Spread", "spread", "stabilised"]
