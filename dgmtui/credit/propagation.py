"""How relevance is to be passed back: the rule that was asked for, and its numbers."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dgmtui.errors import UsageError

LrpRule: TypeAlias = Literal["epsilon", "gamma", "alphabeta", "composite"]
"""As typed after ``credit --rule``."""


@dataclass(frozen=True)
class Propagation:
    """Which LRP rule layers with weights get; what has none (moving data, activations) passes relevance as always.

    Which layers that are is in ``table.LAYER_RULES``.

    Raises:
        UsageError: a number is out of its range.
    """

    rule: LrpRule = "epsilon"
    epsilon: float = 1e-6
    """Absolute; keeps the linear rule from dividing by zero."""
    gamma: float = 0.25
    """By how much LRP-γ favours the terms that have the sign of their sum."""
    alpha: float = 2.0
    """Share of the positive terms in LRP-αβ; ``alpha = 1`` with ``beta = 0`` is z⁺."""
    beta: float = 1.0
    """Share of the negative terms, taken away; ``alpha − beta = 1`` keeps the sum."""

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < math.inf:
            raise UsageError("epsilon takes a number above zero, such as the usual 1e-6")
        if not 0 <= self.gamma < math.inf:
            raise UsageError("gamma takes a number from 0, such as the usual 0.25")
        if not (0 <= self.beta < math.inf and math.isclose(self.alpha - self.beta, 1)):
            raise UsageError("alpha and beta take numbers from 0 with alpha − beta = 1, such as 2 and 1, or 1 and 0")


EPSILON_RULE = Propagation()
"""What is used where nothing else is asked for."""
