"""What to say of an operation at which a non-finite value was born: one row an operation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """Cause and cure, in words."""

    cause: str
    """Completes "``op`` gave inf: …"; may use ``{value}``."""
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
        "it was given {value}; the logarithm is finite above zero only",
        "Clamp what goes into the logarithm from below, or use log_softmax or logsigmoid on the scores.",
    ),
    "sqrt": Explanation(
        "it was given {value}; the root is real from zero up only",
        "Clamp what goes into the root at zero; a negative variance often comes of rounding.",
    ),
    "rsqrt": Explanation(
        "it was given {value}; the inverse root is finite above zero only",
        "Add a small constant to what goes into the root.",
    ),
    "div": Explanation(
        "the divisor is zero or too small ({value})",
        "Add a small constant to the divisor, or look why it vanishes.",
    ),
    "reciprocal": Explanation(
        "it was given {value}, whose inverse is out of range",
        "Add a small constant to the divisor, or look why it vanishes.",
    ),
    "pow": Explanation(
        "the power of {value} is out of range or not real",
        "Bound the base, or clamp it at zero for a broken exponent.",
    ),
}
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
        "the derivative of the logarithm at {value} is out of range",
        "Clamp what goes into the logarithm from below.",
    ),
    "pow": Explanation(
        "the derivative of the power at {value} is infinite",
        "Add a small constant to the base.",
    ),
    "div": Explanation(
        "the derivative of the quotient has the square of the divisor ({value}) below the line",
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
    "its result is beyond the range of its dtype (greatest input {value})",
    "Look at what feeds it: lower the learning rate, clip gradients, or normalise what goes in.",
)
OTHER_BACKWARD = Explanation(
    "its derivative is out of range at {value}",
    "Keep its input away from the point where its derivative is infinite.",
)


def explain(op: str, phase: str) -> Explanation:
    """The row for an ATen operation named like ``aten.exp`` (in-place forms included)."""
    name = op.removeprefix("aten.").rstrip("_")
    return (FORWARD if phase == "forward" else BACKWARD).get(
        name, OTHER_FORWARD if phase == "forward" else OTHER_BACKWARD
    )
