"""Commands that choose what is looked at."""

from typing import Annotated, Literal

from dgmtui.commands.describe import batch_rows, dense_rows, moved, onsets, where_data, where_line
from dgmtui.commands.findings_data import place_of
from dgmtui.commands.grammar import Completes, ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.recording.model import Measure, Quantity
from dgmtui.session.climbing import go_down, go_up
from dgmtui.session.replayed import edited_words
from dgmtui.session.session import Session

QuantityName = Literal["activation", "gradient", "weight", "weight_gradient", "update"]
MeasureName = Literal["mean", "rms", "zeros", "norm", "element"]


@command("module", group="look", aliases=("m",))
def module(session: Session, path: ModulePath = "") -> Result:
    """Look at a module by its path, or at the root.

    Paths are as `named_modules()` gives them; without one, or with `.`, it is the root.

    JSON: as `goto`, with "command":"module".
    """
    session.select_module(path)
    return moved(session, "module")


@command("unit", group="look")
def unit(
    session: Session,
    n: Annotated[int | Literal["all"], Completes("unit")] = "all",
    *,
    of: ModulePath | None = None,
) -> Result:
    """Look at one unit of the module, or at all of them.

    A unit is an output feature of a linear layer, or a feature map of a convolution, from 0. --of names its module,
    where that is another than the one that is looked at.

    JSON: as `goto`, with "command":"unit".
    """
    if of is not None and of != (session.module or "."):
        session.select_module(of)
    session.select_unit(n if isinstance(n, int) else None)
    return moved(session, "unit")


@command("rank", group="look")
def rank(session: Session, n: int | None = None) -> Result:
    """Look at another rank of a distributed run, or list the ranks that are open.

    Iteration, module and unit stay; replays and credit are those of the rank. Findings are of all ranks.

    JSON: {"command":"rank","rank","ranks":[{"rank","file","iterations","end"}…],"missing","unread"}: the rank that is
    looked at, those that are open, the numbers of those that are not, and why files that were named could not be read.
    """
    note = "" if n is None else session.select_rank(n)
    opened = session.recording.ranks
    rows = [
        {
            "rank": each.info.rank,
            "file": str(each.path),
            "iterations": each.iteration_count,
            "end": None if each.end is None else each.end.reason,
        }
        for each in opened
    ]
    known = {each.info.rank for each in opened}
    missing = [number for number in range(session.recording.info.world_size) if number not in known]
    absent = f"not open: rank {', '.join(map(str, missing))}" if missing else ""
    notes = (note, absent, *session.recording.unread)
    table = Table(
        ("", "rank", "file", "iterations", "end"),
        tuple(
            (
                "▶" if row["rank"] == session.rank else "",
                row["rank"],
                row["file"],
                row["iterations"],
                row["end"] or "none: killed, or still running",
            )
            for row in rows
        ),
        note="; ".join(filter(None, notes)),
    )
    data = {"rank": session.rank, "ranks": rows, "missing": missing, "unread": list(session.recording.unread)}
    return Result("rank", data, (table,))


@command("sample", group="look")
def sample(session: Session, n: int | Literal["all"] = "all") -> Result:
    """Look at one sample, a row of the batch from 0, or at all of them.

    JSON: as `goto`, with "command":"sample".
    """
    session.select_sample(n if isinstance(n, int) else None)
    return moved(session, "sample")


@command(
    "quantity",
    group="look",
    keys=(
        ("a", "quantity activation", ""),
        ("d", "quantity gradient", ""),
        ("w", "quantity weight", ""),
        ("u", "quantity update", ""),
    ),
)
def quantity(session: Session, name: QuantityName, measure: MeasureName | None = None) -> Result:
    """Look at activation, gradient, weight, weight_gradient or update.

    The measure is how a unit's values of one iteration become one number: mean, rms or zeros (the share of zeros) of
    activations and gradients, norm of the others. element: no units but single elements of a weight, of its gradient or
    its update, as far as `record --elements N` followed them.

    JSON: as `goto`, with "command":"quantity".
    """
    session.select_quantity(Quantity(name), None if measure is None else Measure(measure))
    return moved(session, "quantity")


@command("up", group="look", keys=(("U", "up", ""),), needs_replay=True)
def up(session: Session, n: int = 1) -> Result:
    """Move the target to what contributed most to it, or N units up its chain.

    N counts the units of `chain`, the target not among them. `down` goes back, one at a time.

    JSON: as `goto`, with "command":"up".
    """
    note = go_up(session, n)
    return moved(session, "up", note)


@command("down", group="look", keys=(("backspace", "down", ""),))
def down(session: Session) -> Result:
    """Move the target back to where `up` came from.

    JSON: as `goto`, with "command":"down".
    """
    go_down(session)
    return moved(session, "down")


@command("where", group="look")
def where(session: Session) -> Result:
    """Say where you stand and how you got here.

    JSON: {"command":"where","iteration","phase","module","unit","sample","quantity","finding"}; "finding" is the first
    finding at this iteration (or on its way, or still so) as `findings` gives it, null where there is none.
    """
    blocks: list[Block] = [Text(where_line(session))]
    snapshot = session.snapshot
    if snapshot is not None:
        at = "here" if snapshot.iteration == session.iteration else f"the nearest before, at {snapshot.iteration:,}"
        blocks.append(Text(f"snapshot: {at} ({snapshot.reason})"))
        if edits := session.results.edits.of(snapshot):
            blocks.append(Text(f"{edited_words(edits)}: {'; '.join(edit.text for edit in edits)}"))
    blocks += [Text(line) for line in (*onsets(session), *batch_rows(session))]
    dense = dense_rows(session)
    if dense is not None:
        blocks.append(Text(f"recorded iteration by iteration from {dense[0]:,} to {dense[1]:,}"))
    trail = session.trail()
    if trail:
        blocks.append(Text("target: " + " ← ".join(trail)))
    data = where_data(session)
    finding = session.results.finding_at(session.iteration)
    if finding is not None:
        blocks.append(Text(finding.message, str(finding.severity)))
        if place := place_of(finding):
            blocks.append(Text(f"found in: {place}"))
    return Result("where", data, tuple(blocks))
