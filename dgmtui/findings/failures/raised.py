"""What to say of exceptions that end a training: a row a message, as PyTorch words it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Raised:
    """The first row whose pattern is found in the message is taken."""

    pattern: str
    """A regular expression."""
    cause: str
    """Why it was raised, a sentence."""
    advice: str


_ROWS = (
    Raised(
        r"Expected more than 1 (value per channel|spatial element)",
        "Batch statistics of a single value have no spread.",
        "Leave out a last batch of one row: drop_last=True in the DataLoader, or another batch size.",
    ),
    Raised(
        r"to satisfy the constraint",
        "A parameter of a distribution lies outside its domain, or is not a number.",
        "Make what may not be negative so by softplus or exp, and look for where a NaN came from.",
    ),
    Raised(
        r"all elements of (input|target) should be between 0 and 1",
        "Binary cross entropy takes probabilities, and was given numbers outside 0 … 1.",
        "Use BCEWithLogitsLoss on scores, or bring inputs and targets to 0 … 1.",
    ),
    Raised(
        r"does not require grad and does not have a grad_fn",
        "The loss does not depend on any parameter by way of autograd.",
        "Look for .detach(), .item(), .data, no_grad() or NumPy between the model and the loss.",
    ),
    Raised(
        r"backward through the graph a second time",
        "What an earlier backward pass used is gone, and this loss needs it again.",
        "Detach what is carried over from the iteration before, as a hidden state; or call backward once on the sum.",
    ),
    Raised(
        r"modified by an inplace operation",
        "A value that the backward pass needs was overwritten after it was used.",
        "Replace the in-place operation, or make the step of one model after the backward passes through it.",
    ),
    Raised(
        r"shapes cannot be multiplied|size mismatch|must match the size|Expected \d-dimensional|shape '.*' is invalid",
        "The shapes of two tensors do not fit each other.",
        "Compare the sizes in the message with the layer's and with the batch's: a last, smaller batch has others.",
    ),
    Raised(
        r"out of memory|can't allocate memory",
        "The memory was used up.",
        "Take a smaller batch; do not add up losses with their graphs (`total += loss.item()`).",
    ),
    Raised(
        r"(should|expected).*(same|scalar type|dtype)|must have the same dtype|but found|Expected .*type",
        "Two tensors have types or devices that do not fit each other.",
        "Bring model, input and target to one dtype and device.",
    ),
)
_OTHER = Raised("", "", "Read the traceback that the script printed; `goto -1` shows what was recorded last.")


def explain_raised(message: str) -> Raised:
    """The row for an exception's message; one without a cause where none is known."""
    return next((row for row in _ROWS if re.search(row.pattern, message, re.IGNORECASE)), _OTHER)
