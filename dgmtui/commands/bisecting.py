"""Which samples make an iteration fail, found by replaying parts of the batch."""

from dgmtui.commands.births import birth_line
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Text
from dgmtui.session.bisecting import Bisected
from dgmtui.session.bisecting import bisect as bisected
from dgmtui.session.session import Session

SHOWN = 12


@command("bisect", group="analyse", needs_replay=True)
def bisect(session: Session) -> Result:
    """Find the fewest samples that still fail: rows of the batch are left out and the rest is replayed.

    A part fails where its replay has a non-finite value of the same operation that the whole batch's has. Where rows
    can't be taken out of the trace they are replaced by copies of those that stay. Where they depend on each other
    (batch norm), the answer is said to be of the smaller batch. Edits that stand count; nothing of the session
    changes.

    JSON: {"command":"bisect","iteration","turn","rows","size","alone","holds_without","replays","copied","interact",
    "birth","dataset_index"}: "alone" are other rows that fail by themselves, "holds_without" whether the batch without
    all these holds (null where none is left), "copied" why rows were copied over and not taken out (else null),
    "interact" whether rows depend on each other, "birth" the operation, "dataset_index" the rows of the data set that
    "rows" are, where known.
    """
    found = bisected(session)
    edited = bool(session.results.edits.of(found.snapshot))
    index = [] if edited else found.snapshot.extra.get("dataset_index", [])
    rows = [index[row] for row in found.rows if row < len(index)]
    data = {
        "iteration": found.snapshot.iteration,
        "turn": found.snapshot.turn or None,
        "rows": list(found.rows),
        "size": found.size,
        "alone": list(found.alone),
        "holds_without": found.holds_without,
        "replays": found.replays,
        "copied": found.copied or None,
        "interact": found.interact,
        "birth": found.birth.op or found.birth.outside,
        "dataset_index": rows or None,
    }
    said = Text(_answer(found, rows), "strong")
    notes: list[Block] = [Text(note) for note in _notes(found)]
    blocks = (said, birth_line(found.birth), *notes, *as_edited(session), *elsewhere(session, found.snapshot.iteration))
    return Result("bisect", data, blocks, Text(said.text))


def _answer(found: Bisected, index: list[int]) -> str:
    of = "" if not index else f" (row{'s' * (len(index) > 1)} {_listed(index)} of the data set)"
    if len(found.rows) == found.size:
        return f"all {found.size} rows of the batch are needed: with any one left out it does not fail like this"
    if len(found.rows) == 1:
        also = f", and so do {_listed(found.alone)}" if found.alone else ""
        return f"sample {found.rows[0]}{of} fails alone, of {found.size}{also}"
    return f"samples {_listed(found.rows)}{of} fail together, of {found.size}; with any one left out they hold"


def _notes(found: Bisected) -> list[str]:
    notes = []
    if found.holds_without is not None:
        which = "it" if len(found.rows) + len(found.alone) == 1 else "them"
        held = "the rest of the batch does not fail there" if found.holds_without else (
            "the rest of the batch fails there too: there are more such samples"
        )  # fmt: skip
        notes.append(f"without {which}, {held}")
    if found.interact:
        notes.append(
            "rows depend on each other (as in batch norm): what goes in there is other in the smaller batch "
            "than in the whole, so this is what the smaller batch does"
        )
    if found.copied:
        notes.append(f"rows can't be taken out of this trace ({found.copied}); others were replaced by copies instead")
    if found.refused:
        notes.append(f"{found.refused} smaller batches could not be run, and count as not failing")
    return [
        *notes,
        f"{found.replays} replay{'s' * (found.replays != 1)} of parts of the batch; `drop sample N` leaves one out",
    ]


def _listed(rows: "list[int] | tuple[int, ...]") -> str:
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return ", ".join(map(str, rows[:SHOWN])) + more
