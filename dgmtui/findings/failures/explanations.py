"""What to say of an operation at which a non-finite value was born: a row an operation, or a way in which it fails."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """Cause and cure, in words. The first row of an operation that fits is taken."""

    cause: str
    """Completes "``op`` gave Inf: …"; may use ``{value}``."""
    advice: str
    what: str = ""
    """Fits this result only: ``nan`` or ``inf``, of either sign; any where empty."""
    at: float | None = None
    """Fits only where the number that went in is this one."""
    regardless: bool = False
    """Fits only where the result is non-finite whatever numbers go in, and only such rows fit there."""
    in_float64: bool | None = None
    """Fits only where float64 is (True) or is not (False) finite there."""


_BOUND = "Bound the exponent (clamp, tanh), or use softplus where a positive value is meant."
_DIVISOR = "Add a small constant to the divisor, or find out why it vanishes."
_DOMAIN = "Clamp its argument to a little inside −1 … 1."
_RANGE = "Look at what feeds it: lower the learning rate, clip gradients, or normalise what goes in."
_ONE_ROW = (
    Explanation(
        "with its correction there is no degree of freedom left: the spread of a single value is 0/0",
        "Leave out a last batch of one row (drop_last=True), or use correction=0 (unbiased=False).",
        regardless=True,
    ),
)
_MASKED = (
    Explanation(
        "all scores that it could choose from are −Inf",
        "Leave at least one score of every row unmasked, or leave such rows out.",
    ),
)
_LOG = (
    Explanation(
        "it was given zero, whose logarithm is −Inf",
        "Clamp what goes into the logarithm from below, or use log_softmax or logsigmoid on the scores.",
        at=0.0,
    ),
    Explanation(
        "it was given {value}, and a negative number has no real logarithm",
        "Clamp what goes into the logarithm from below; find out why it turns negative.",
        what="nan",
    ),
)

FORWARD: dict[str, tuple[Explanation, ...]] = {
    "exp": (Explanation("the exponential of {value} is beyond the range of its dtype", _BOUND),),
    "expm1": (Explanation("the exponential of {value} is beyond the range of its dtype", _BOUND),),
    "log": _LOG,
    "log2": _LOG,
    "log10": _LOG,
    "log1p": (
        Explanation(
            "it was given {value}, and log(1 + x) is finite for numbers above −1 only",
            "Clamp what goes into it to a little above −1.",
        ),
    ),
    "sqrt": (
        Explanation(
            "it was given {value}, and a negative number has no real root",
            "Clamp what goes into the root at zero from below; a variance often turns negative by rounding.",
        ),
    ),
    "rsqrt": (
        Explanation(
            "it was given {value}, and the inverse root is finite for numbers above zero only",
            "Add a small constant to what goes into the root.",
        ),
    ),
    "div": (
        Explanation("the quotient by {value} is beyond the range of its dtype", _DIVISOR, in_float64=True),
        Explanation("the divisor is {value}", _DIVISOR),
    ),
    "reciprocal": (Explanation("it was given {value}, whose inverse is out of range", _DIVISOR),),
    "pow": (
        Explanation("zero has no negative power", "Add a small constant to the base.", at=0.0),
        Explanation(
            "{value} is negative and has no real power by an exponent that is no whole number",
            "Clamp the base at zero from below.",
            what="nan",
        ),
        Explanation("the power of {value} is beyond the range of its dtype", "Bound the base. " + _RANGE, what="inf"),
    ),
    "acos": (Explanation("it was given {value}, which is no cosine", _DOMAIN),),
    "asin": (Explanation("it was given {value}, which is no sine", _DOMAIN),),
    "atanh": (Explanation("it was given {value}, and it is finite inside −1 … 1 only", _DOMAIN),),
    "std": _ONE_ROW,
    "var": _ONE_ROW,
    "std_mean": _ONE_ROW,
    "var_mean": _ONE_ROW,
    "mean": (
        Explanation(
            "there is no element to take the mean of: 0/0",
            "Skip the batch where nothing is left to average, or divide the sum by max(count, 1).",
            regardless=True,
        ),
    ),
    "nll_loss_forward": (
        Explanation(
            "every target is to be ignored (ignore_index): the mean of nothing is 0/0",
            "Skip batches without a target that counts, or use reduction='sum' and divide by max(count, 1).",
            regardless=True,
        ),
    ),
    "_ctc_loss": (
        Explanation(
            "the sample has fewer frames than its target needs: one a letter, and one between equal letters",
            "Leave out samples whose target is too long, make the model shorten its input less, or set "
            "zero_infinity=True.",
            regardless=True,
        ),
    ),
    "_weight_norm_interface": (
        Explanation(
            "a row of the weight's direction is zero, and has no direction: 0/0",
            "Initialise the layer with weights other than zero before it is normalised; set the length g to zero.",
            what="nan",
        ),
    ),
    "_softmax": _MASKED,
    "_log_softmax": _MASKED,
}
FORWARD["nll_loss2d_forward"] = FORWARD["nll_loss_forward"]

_NORM = (
    Explanation(
        "the derivative of a norm at {value} is 0/0",
        "Add a small constant inside the root, or leave out the rows that are all zero.",
    ),
)
_ARC = (Explanation("the derivative of {op} at {value} is infinite", _DOMAIN),)
BACKWARD: dict[str, tuple[Explanation, ...]] = {
    "sqrt": (
        Explanation(
            "the derivative of the root at {value} is infinite",
            "Add a small constant inside the root: sqrt(x + 1e-12).",
        ),
    ),
    "norm": _NORM,
    "linalg_vector_norm": _NORM,
    "_cdist_forward": _NORM,
    "log": (
        Explanation(
            "the derivative of the logarithm at {value} is out of the range of its dtype",
            "Clamp what goes into the logarithm from below.",
        ),
    ),
    "pow": (Explanation("the derivative of the power at {value} is infinite", "Add a small constant to the base."),),
    "div": (
        Explanation(
            "the derivative of a quotient is divided by the square of the divisor (it was given {value})",
            "Add a small constant to the divisor.",
        ),
    ),
    "acos": _ARC,
    "asin": _ARC,
}

OTHER_FORWARD = (
    Explanation(
        "it is so whatever numbers go in: a shape, an index or an option makes it so",
        "Look at the shapes of what goes in (`nodes`), and at what the code does with an empty or a single row.",
        regardless=True,
    ),
    Explanation(
        "its result is beyond the range of its dtype (the greatest number that went in is {value})",
        _RANGE,
        in_float64=True,
    ),
    Explanation(
        "its result overflows (the greatest number that went in is {value})",
        _RANGE,
        what="inf",
    ),
    Explanation(
        "it has no result for what it was given (the greatest number that went in is {value})",
        "Look at what feeds it, and keep it inside what the operation is defined for.",
    ),
)
OTHER_BACKWARD = (
    Explanation(
        "its derivative at {value} is not finite, or grows out of the range of its dtype",
        "Keep its input away from the point where its derivative is infinite.",
    ),
)


def explain(
    op: str,
    phase: str,
    *,
    what: str = "",
    value: float | None = None,
    regardless: bool = False,
    in_float64: bool | None = None,
) -> Explanation:
    """The row for an ATen operation named like ``aten.exp`` (in-place forms included) and the way in which it failed.

    Args:
        op: ATen name.
        phase: ``forward`` or ``backward``.
        what: ``nan``, ``inf`` or ``-inf``.
        value: the number that explains it.
        regardless: it is so whatever numbers go in.
        in_float64: whether float64 is finite there; None where that is not known.
    """
    name = op.removeprefix("aten.").rstrip("_")
    table, others = (FORWARD, OTHER_FORWARD) if phase == "forward" else (BACKWARD, OTHER_BACKWARD)

    def fits(row: Explanation) -> bool:
        return (
            row.regardless == regardless
            and row.what in ("", what.lstrip("-"))
            and (row.at is None or row.at == value)
            and (row.in_float64 is None or row.in_float64 == in_float64)
        )

    return next(filter(fits, (*table.get(name, ()), *others)), others[-1])
