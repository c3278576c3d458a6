"""What a person asks for, checked against what there is: each function gives what is meant, or says what there is."""

from collections.abc import Sequence

from dgmtui.errors import UsageError
from dgmtui.recording.model import MEASURES, OF_WEIGHTS, Measure, Quantity


def checked_iteration(wanted: int, last: int) -> int:
    """The iteration that is meant, which may lie beyond the last; a negative one counts from that.

    Raises:
        UsageError: it lies before the first, or none is recorded.
    """
    if last < 0:
        raise UsageError("no iteration is recorded yet; nothing to go to")
    meant = last + 1 + wanted if wanted < 0 else wanted
    if meant < 0:
        raise UsageError(f"there are only {last + 1:,} iterations; `goto 0` is the first", word=str(wanted))
    return meant


def checked_unit(unit: int, count: int, module: str) -> int:
    """One of a module's ``count`` units.

    Raises:
        UsageError: it is none of them.
    """
    if not 0 <= unit < count:
        where = module or "the root module"
        if not count:
            raise UsageError(f"{where} has no units; `unit {unit} --of MODULE` looks at one of another")
        raise UsageError(f"{where} has units 0 to {count - 1}; not {unit}")
    return unit


def checked_sample(sample: int, size: int | None) -> int:
    """A row of a batch of so many; None: of a size that is not known.

    Raises:
        UsageError: the batch has no such row.
    """
    if sample < 0:
        raise UsageError("samples are rows of the batch, from 0")
    if size is not None and sample >= size:
        rows = f"rows 0 to {size - 1}" if size > 1 else "one row, 0"
        raise UsageError(f"the batch has {rows}; not {sample}")
    return sample


def checked_quantity(quantity: Quantity, recorded: Sequence[Quantity], module: str) -> Quantity:
    """One of those that are recorded of a module.

    Raises:
        UsageError: it is none of them.
    """
    if quantity not in recorded:
        has = f"it has {', '.join(recorded)}" if recorded else "nothing is recorded of it"
        raise UsageError(f"{module or 'the root module'} has no recorded {quantity}; {has}")
    return quantity


def checked_measure(measure: Measure, quantity: Quantity, module: str, *, follows_elements: bool) -> Measure:
    """A measure of a module's quantity.

    Raises:
        UsageError: the quantity is not measured so, or its elements were not followed.
    """
    if measure == Measure.ELEMENT and quantity in OF_WEIGHTS:
        if not follows_elements:
            where = module or "the root module"
            raise UsageError(f"no elements of the {quantity} of {where} were followed: record with --elements N")
    elif measure not in MEASURES[quantity]:
        raise UsageError(f"{quantity} is measured by {', '.join(MEASURES[quantity])}; not {measure}")
    return measure


def checked_window(window: tuple[int, int], count: int) -> tuple[int, int]:
    """Iterations from, up to and without, of so many; negative ones count from the last.

    Raises:
        UsageError: it holds no iteration.
    """
    start, stop = (count + bound if bound < 0 else bound for bound in window)
    if not start < stop:
        raise UsageError(f"a window goes from an iteration up to a later one; not from {start} to {stop}")
    return max(start, 0), stop
