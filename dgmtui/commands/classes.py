"""Classes and units: what each unit does for each class, in an order that shows structure."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result
from dgmtui.commands.unit_blocks import few, path_of, shown
from dgmtui.errors import UsageError
from dgmtui.session.activations import labels_of
from dgmtui.session.rankings import class_means
from dgmtui.session.session import Session
from dgmtui.session.view import UnitsTab

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHADES = " ░▒▓█"
_UNITS_ACROSS = 60
_CLASSES = 20
"""Of a page."""


@command("classes", group="analyse", needs_replay=True)
def class_matrix(session: Session, module: ModulePath = "", *, page: int = 1) -> Result:
    """Show the mean activation of each unit for each class, like beside like.

    Classes and units are in the order of a hierarchical clustering. A column of shades is a unit, from its least
    mean (blank) to its greatest (█) over the classes; classes come 20 to a page. It takes a batch that has an
    integer label a sample.

    JSON: {"command":"classes","iteration","module","units","classes":[{"label","samples","means","strongest"}…]}:
    "units" gives the order of "means", "classes" are those of all pages, "strongest" the units most above their mean.
    """
    snapshot = session.needed_snapshot()
    units = session.results.units
    labels = labels_of(units.replayed(snapshot))
    found = units.activations(snapshot, path_of(session, module))
    if labels is None or len(labels) != found.values.shape[0]:
        raise UsageError("the batch has no integer label for each sample, so there are no classes")
    from dgmtui.clusters import ordered

    names, means = class_means(found.means, labels)
    shades = _relative(means)
    across, down = ordered(shades.T), ordered(shades)
    pages = -(-len(names) // _CLASSES)
    if not 1 <= page <= pages:
        raise UsageError(f"--page takes a number from 1 to {pages}")
    rows = [_class_row(int(names[i]), int((labels == names[i]).sum()), means[i], shades[i], across) for i in down]
    data = {"iteration": snapshot.iteration, "module": found.module, "units": across.tolist(), "classes": rows}
    most = across[np.argsort(-np.ptp(shades, axis=0)[across], kind="stable")[:_UNITS_ACROSS]]
    drawn = [unit for unit in across.tolist() if unit in set(most.tolist())]
    cells = tuple(
        (row["label"], row["samples"], "".join(_SHADES[round(4 * float(shades[i, u]))] for u in drawn) + "|",
         few(row["strongest"], 4))
        for row, i in zip(rows, down.tolist(), strict=True)
    )[_CLASSES * (page - 1) : _CLASSES * page]  # fmt: skip
    of = f"{len(drawn)} of {len(across):,} units" if len(drawn) < len(across) else f"{len(across):,} units"
    tab = UnitsTab(
        title=f"{found.name}: {len(names)} classes × {of}, mean activation",
        columns=("class", "samples", "units", "strongest"),
        rows=cells,
        note=f"page {page} of {pages}; each unit from its least (blank) to its greatest (█) mean over the classes",
        at=snapshot.iteration,
    )
    return Result("classes", data, shown(session, snapshot, "clusters", tab))


def _relative(means: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """``[C, U]``: each unit from its least (0) to its greatest (1) over the classes; 0 where it is not finite."""
    finite = np.where(np.isfinite(means), means, 0.0)
    low, span = finite.min(axis=0), np.ptp(finite, axis=0)
    found: NDArray[np.float64] = (finite - low) / np.where(span > 0, span, 1.0)
    return found


def _class_row(
    label: int, samples: int, means: "NDArray[np.float64]", shades: "NDArray[np.float64]", order: "NDArray[np.int64]"
) -> dict[str, Any]:
    strongest = np.argsort(-shades * (means > 0), kind="stable")[:5]
    return {
        "label": label,
        "samples": samples,
        "means": means[order].tolist(),
        "strongest": [unit for unit in strongest.tolist() if shades[unit] > 0 and means[unit] > 0],
    }
