"""The runs of a directory, read at once with their findings: for a command and for ``--batch``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.recording.reader import Recording
from dgmtui.session.runs.files import find_runs
from dgmtui.session.runs.model import ORDERS, Run, sorted_runs
from dgmtui.session.runs.reading import look_at_run, read_run

if TYPE_CHECKING:
    from dgmtui.trace.progress import Progress


def list_runs(
    directory: Path,
    order: str = "time",
    *,
    opened: Sequence[Recording] = (),
    progress: "Progress | None" = None,
) -> tuple[Run, ...]:
    """All runs by now, sorted by one of ``ORDERS``.

    Args:
        opened: recordings that this process has open; they are not opened a second time, which HDF5 would misread.
        progress: told which run is looked at; may cancel.

    Raises:
        UsageError: the directory can't be read, or there is no such order.
        Cancelled: ``progress`` was.
    """
    if order not in ORDERS:
        raise UsageError(f"runs are sorted by {', '.join(ORDERS)}; not {order}")
    known = {recording.path.resolve(): recording for recording in opened}
    found = find_runs(directory)
    runs = []
    for place, files in enumerate(found):
        part = None
        if progress is not None:
            progress.begin_part(place / len(found), (place + 1) / len(found), files.name)
            part = progress.part()
        runs.append(look_at_run(read_run(files, known), known, part))
    return sorted_runs(runs, order)
