"""What to say of an operation at which a non-finite value was born: one row an operation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """Cause and cure, in words."""

    cause: str
    """Completes "``op`` gave Inf: …"; may use ``{value}``."""
    advice: str


FORWARD: dict[str, Explanation] = {
    "exp": Explanation(
        "the exponential of {value} is beyond the range of its dtype",
        "Bound the exponent (clamp, tanh), or use softplus where a positive value is meant.",
    ),
    "expm1": Explanation(
        "the exponential of {value} is beyond the range of its dtype",
        "Bound the exponent (clamp, tanh) before the exponential.",
    ),
    "log": Explanation(
        "it was given {value}, and the logarithm is finite for numbers above zero only",
        "Clamp what goes into the logarithm from below, or use log_softmax or logsigmoid on the scores.",
    ),
    "sqrt": Explanation(
        "it was given {value}, and a negative number has no real root",
        "Clamp what goes into the root at zero from below; a variance often turns negative by rounding.",
    ),
    "rsqrt": Explanation(
        "it was given {value}, and the inverse root is finite for numbers above zero only",
        "Add a small constant to what goes into the root.",
    ),
    "div": Explanation(
        "the divisor is {value}",
        "Add a small constant to the divisor, or find out why it vanishes.",
    ),
    "reciprocal": Explanation(
        "it was given {value}, whose inverse is out of range",
        "Add a small constant to the divisor, or find out why it vanishes.",
    ),
    "pow": Explanation(
        "the power of {value} is out of the range of its dtype, or not real",
        "Bound the base, or clamp it at zero from below where the exponent is no whole number.",
    ),
}
FORWARD["_softmax"] = FORWARD["_log_softmax"] = Explanation(
    "all scores that it could choose from are masked with an infinity",
    "Leave at least one score of every row unmasked, or leave such rows out.",
)
FORWARD["log2"] = FORWARD["log10"] = FORWARD["log"]

BACKWARD: dict[str, Explanation] = {
    "sqrt": Explanation(
        "the derivative of the root at {value} is infinite",
        "Add a small constant inside the root: sqrt(x + 1e-12).",
    ),
    "norm": Explanation(
        "the derivative of a norm at {value} is 0/0",
        "Add a small constant inside the root, or leave out the rows that are all zero.",
    ),
    "log": Explanation(
        "the derivative of the logarithm at {value} is out of the range of its dtype",
        "Clamp what goes into the logarithm from below.",
    ),
    "pow": Explanation(
        "the derivative of the power at {value} is infinite",
        "Add a small constant to the base.",
    ),
    "div": Explanation(
        "the derivative of a quotient is divided by the square of the divisor (it was given {value})",
        "Add a small constant to the divisor.",
    ),
    "acos": Explanation(
        "the derivative of the arc cosine at {value} is infinite",
        "Clamp its argument to a little inside −1 … 1.",
    ),
}
BACKWARD["linalg_vector_norm"] = BACKWARD["_cdist_forward"] = BACKWARD["norm"]
BACKWARD["asin"] = BACKWARD["acos"]

OTHER_FORWARD = Explanation(
    "its result is beyond the range of its dtype (the greatest number that went in is {value})",
    "Look at what feeds it: lower the learning rate, clip gradients, or normalise what goes in.",
)
OTHER_BACKWARD = Explanation(
    "its derivative at {value} is not finite, or grows out of the range of its dtype",
    "Keep its input away from the point where its derivative is infinite.",
)


def explain(op: str, phase: str) -> Explanation:
    """The row for an ATen operation named like ``aten.exp`` (in-place forms included)."""
    name = op.removeprefix("aten.").rstrip("_")
    return (FORWARD if phase == "forward" else BACKWARD).get(
        name, OTHER_FORWARD if phase == "forward" else OTHER_BACKWARD
    )
