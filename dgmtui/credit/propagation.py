"""How relevance is to be passed back: the rule that was asked for, and its numbers."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

LrpRule: TypeAlias = Literal["epsilon", "gamma", "alphabeta", "composite"]
"""As typed after ``credit --rule``."""


@dataclass(frozen=True)
class Propagation:
    """Which LRP rule layers with weights get; what has none (moving data, activations) passes relevance as always."""

    rule: LrpRule = "epsilon"
    epsilon: float = 1e-6
    """Absolute; keeps the linear rule from dividing by zero."""


EPSILON_RULE = Propagation()
"""What is used where nothing else is asked for."""
