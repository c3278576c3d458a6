"""Feature maps, inputs and relevance as pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.activations import Activations, input_values, inputs_of, labels_of
from dgmtui.session.pictures import as_picture, limits_of, picture, shape_of, signed_picture
from dgmtui.session.units import Units
from dgmtui.session.view import Picture

Shape = tuple[int, int] | None


def maps_of(
    found: Activations, sample: int, units: Sequence[int] | None, top: int, shared: bool, given: Shape
) -> tuple[list[int], tuple[Picture, ...]]:
    """Units and their maps for one sample: those asked for, else the ``top`` whose greatest value is the greatest.

    Raises:
        UsageError: a unit does not exist, or one is no picture.
    """
    count = found.values.shape[1]
    _check_units(tuple(units or ()), count, found.module)
    peaks = np.nan_to_num(found.values[sample].max(axis=1), nan=np.inf)
    chosen = list(units) if units is not None else np.argsort(-peaks, kind="stable")[: top or count].tolist()
    maps = [_map(found, sample, unit, given) for unit in chosen]
    limits = limits_of(maps) if shared else None
    return chosen, tuple(picture(f"[{unit}]", values, limits) for unit, values in zip(chosen, maps, strict=True))


def _map(found: Activations, sample: int, unit: int, given: Shape) -> NDArray[np.float32]:
    values: NDArray[np.float32] = found.values[sample, unit]
    if len(found.positions) == 1:
        size = shape_of(len(values), given)
        return values[None] if size is None else values.reshape(size)
    if len(found.positions) == 2:
        return values.reshape(found.positions)
    raise UsageError(
        f"a unit of {found.module or 'the root module'} has {len(found.positions)} axes of positions; a picture has two"
    )


def units_as_picture(found: Activations, sample: int, given: Shape) -> Picture | None:
    """All units of one sample as one picture, where each is one number and there are as many as a square has."""
    if found.positions:
        return None
    values = as_picture(found.values[sample, :, 0], given)
    return None if values is None else picture(f"sample {sample}", values)


def input_named(units: Units, snapshot: SnapshotInfo, name: str) -> tuple[str, NDArray[np.float32]]:
    """The input of that name and its values ``[S, …]``; ``""`` is the likeliest to be looked at: one whose samples are
    pictures and differ, as those of a mask do not.

    Raises:
        UsageError: there is none.
    """
    made = units.replayed(snapshot)
    there = inputs_of(made.replay.graph)
    found = name if name in there else f"input:{name}" if name else ""
    if not name and there:
        values = {known: input_values(made, *place) for known, place in there.items()}
        found = max(values, key=lambda known: _worth(values[known]))
    if found not in there:
        listed = ", ".join(there) or "none"
        raise UsageError(f"no input {name or 'of numbers'!r} in this iteration; there are: {listed}")
    return found, input_values(made, *there[found])


def _worth(values: NDArray[np.float32]) -> int:
    """How likely it is that a person wants to see this input: of equals the first is meant."""
    differ = bool((values != values[:1]).any())
    return 2 * differ + (len(values) > 0 and as_picture(values[0]) is not None)


def inputs_as_pictures(
    values: NDArray[np.float32], samples: Sequence[int], names: Sequence[str], shared: bool, given: Shape
) -> tuple[Picture, ...]:
    """Samples of an input ``[S, …]``; none where they are no pictures."""
    made = [as_picture(values[sample], given) for sample in samples]
    drawn = [values for values in made if values is not None]
    if len(drawn) < len(made):
        return ()
    limits = limits_of(drawn) if shared else None
    return tuple(picture(name, values, limits) for name, values in zip(names, drawn, strict=True))


def relevance_pictures(
    relevance: NDArray[np.float32], values: NDArray[np.float32], samples: Sequence[int], given: Shape
) -> tuple[Picture, ...]:
    """For each sample its input, then the relevance of its pixels, that of several channels added up."""
    pictures: list[Picture] = []
    for sample in samples:
        shown = as_picture(values[sample], given)
        part = relevance[sample]
        part = part.sum(axis=0) if part.ndim == 3 else part
        heat = as_picture(part, given)
        if shown is None or heat is None:
            return ()
        pictures += [picture(f"sample {sample}", shown), signed_picture("relevance", heat)]
    return tuple(pictures)


def sample_names(units: Units, snapshot: SnapshotInfo, samples: Sequence[int]) -> list[str]:
    """``5 · class 7``, or ``sample 5`` where classes are not known."""
    labels = labels_of(units.replayed(snapshot))
    known = -1 if labels is None else len(labels)
    return [f"{s} · class {labels[s]}" if labels is not None and s < known else f"sample {s}" for s in samples]


def _check_units(units: tuple[int, ...], count: int, module: str) -> None:
    """See that a module has these units.

    Raises:
        UsageError: it has not.
    """
    if wrong := [unit for unit in units if not 0 <= unit < count]:
        raise UsageError(f"{module or 'the root module'} has units 0 to {count - 1}; not {wrong[0]}")
