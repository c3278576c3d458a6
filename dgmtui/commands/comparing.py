"""The command that lays other recordings beside the one that is looked at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.recording.reader import Recording
from dgmtui.session.comparing import (
    LETTERS,
    Row,
    SharedFinding,
    Shares,
    aligned,
    compare_off,
    compare_with,
    credit_shares,
    names_of,
    shared_findings,
)
from dgmtui.session.measuring import LayerNumbers, Parting, layer_numbers, loss_summary, parting, scalar_summary
from dgmtui.session.session import Session


@command("compare", group="analyse", needs_replay=True)
def compare(session: Session, *files: Path, at: int | None = None, module: ModulePath = "", credit: str = "") -> Result:
    """Lay other recordings beside this one: losses, layers, findings, and with --credit contributions.

    They stay beside it, their losses drawn under this one's, until `compare off`; without a file, those that stand are
    compared again. In tables this recording is A and the others are B, C, … Layers of the same path stand for each
    other; where networks differ, layers of one class do by their order and relative depth, and those without a partner
    are listed. What is told of a layer is of its last recorded row up to the iteration --at (the cursor), and of its
    median unit, so that widths may differ. --module: that module of A and what is inside. --credit TARGET, as for
    `credit`: the share of the target's relevance that arrives at each layer, at the last snapshots up to there.

    JSON: {"command":"compare","at","recordings":[{"name","file","parameters","loss":{"iterations","first","best",
    "best_at","last","quartiles","first_nonfinite"},"scalars","equal_until","apart_since"}…],"layers":[{"paths","how","numbers":
    [{"iteration","units","rms","absmax","dead","gradient","weight"}…]}…],"findings":[{"kind","in","modules",
    "iterations","messages"}…],"credit"}: lists inside hold one entry a recording, null where it has none;
    "scalars" tells of each logged number what `scalars` does, "quartiles" are of the last tenth's losses, "equal_until"
    is the last iteration up to which its losses are A's,
    "apart_since" that from which on medians over a fiftieth of the common run differ from A's by more than three times
    their spread; "how" is name or place; "credit" is {"targets","iterations","shares"}, "shares" one a layer, or null.
    After `compare off` "recordings" is empty.
    """
    if files == (Path("off"),):
        compare_off(session)
        return Result("compare", {"recordings": []}, (Text("No other recording stands beside this one now."),))
    iteration = _iteration(session, at)
    if module:
        session.recording.module(module)
    made = compare_with(session, files) if files else session.compared
    if made is None:
        raise UsageError("it needs OTHER.h5, a recording to lay beside this one")
    recordings = made.recordings(session)
    rows = aligned(recordings, module)
    every = rows if not module else aligned(recordings)
    numbers = [_numbers(recordings, row, iteration) for row in rows]
    partings = [parting(recordings[0].losses(), each.losses()) for each in recordings[1:]]
    found = shared_findings([session.results.findings(), *(each.findings() for each in made.results)], every)
    shares = credit_shares(session, made, credit, iteration, every) if credit else None
    losses = [_recording_data(each) for each in recordings]
    for told, parted in zip(losses, (None, *partings), strict=True):
        told |= asdict(parted) if parted is not None else {"equal_until": None, "apart_since": None}
    data = {
        "at": iteration,
        "recordings": [{"name": name, **told} for name, told in zip(LETTERS, losses, strict=False)],
        "layers": [_layer_data(row, each) for row, each in zip(rows, numbers, strict=True)],
        "findings": [_finding_data(each) for each in found],
        "credit": None if shares is None else _credit_data(shares, rows),
    }
    blocks = [
        *_loss_blocks(recordings, losses, partings),
        *_layer_blocks(rows, numbers, iteration),
        *_classes(recordings, rows),
        _found_block(found),
    ]
    if shares is not None:
        blocks += _credit_blocks(shares, rows)
    return Result("compare", data, tuple(blocks))


def _iteration(session: Session, at: int | None) -> int:
    last = session.recording.last_iteration
    wanted = session.iteration if at is None else last + 1 + at if at < 0 else at
    if wanted < 0:
        raise UsageError(f"--at takes an iteration from 0; there are {last + 1:,}")
    return wanted


def _numbers(recordings: Sequence[Recording], row: Row, iteration: int) -> list[LayerNumbers | None]:
    return [
        None if path is None else layer_numbers(recording, path, iteration)
        for recording, path in zip(recordings, row.paths, strict=True)
    ]


def _layer_data(row: Row, numbers: Sequence[LayerNumbers | None]) -> dict[str, Any]:
    return {
        "paths": list(row.paths),
        "how": list(row.how),
        "numbers": [None if each is None else asdict(each) for each in numbers],
    }


def _recording_data(recording: Recording) -> dict[str, Any]:
    return {
        "file": str(recording.path),
        "parameters": _parameters(recording),
        "loss": asdict(loss_summary(recording.losses())),
        "scalars": {name: asdict(scalar_summary(recording.scalar(name))) for name in recording.scalars},
    }


def _parameters(recording: Recording) -> int | None:
    """How many numbers the network's parameters hold, as the last snapshot has them; None where there is none."""
    snapshot = next(reversed(recording.snapshots), None)
    if snapshot is None:
        return None
    shapes = [spec.shape for name, spec in snapshot.tensors.items() if name.startswith("param:")]
    return sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)


def _loss_blocks(
    recordings: Sequence[Recording], losses: Sequence[dict[str, Any]], partings: Sequence[Parting]
) -> list[Block]:
    names = names_of(recordings)
    table = Table(
        ("", "recording", "iterations", "parameters"),
        tuple(
            (letter, name, told["loss"]["iterations"], told["parameters"])
            for (letter, name), told in zip(names.items(), losses, strict=True)
        ),
    )
    rows = tuple(
        (letter, loss["first"], loss["best"], loss["best_at"], loss["last"], *(loss["quartiles"] or (None,) * 3))
        for letter, loss in zip(names, (told["loss"] for told in losses), strict=True)
    )
    columns = ("loss", "first", "best", "at", "last", "25 %", "50 %", "75 %")
    numbers = Table(columns, rows, note="25, 50 and 75 %: percentiles of the last tenth of the run")
    bad = [
        Text(f"The loss of {letter} is not finite from iteration {at:,}.", "error")
        for letter, told in zip(names, losses, strict=True)
        if (at := told["loss"]["first_nonfinite"]) is not None
    ]
    parted = [Text(_parting_words(letter, each)) for letter, each in zip(LETTERS[1:], partings, strict=False)]
    return [table, numbers, *bad, *parted, *_scalar_blocks(names, losses)]


def _scalar_blocks(letters: Iterable[str], told: Sequence[dict[str, Any]]) -> list[Block]:
    """What several of them logged, one row a scalar and recording."""
    of = {letter: each["scalars"] for letter, each in zip(letters, told, strict=True)}
    shared = [name for name in dict.fromkeys(n for each in of.values() for n in each) if _several(name, of)]
    rows = [
        (name, letter, each[name]["first"], each[name]["least"], each[name]["greatest"], each[name]["last"])
        for name in shared
        for letter, each in of.items()
        if name in each
    ]
    return [Table(("scalar", "", "first", "least", "greatest", "last"), tuple(rows))] if rows else []


def _several(name: str, of: Mapping[str, Mapping[str, Any]]) -> bool:
    return sum(name in each for each in of.values()) > 1


def _parting_words(letter: str, parted: Parting) -> str:
    begin = (
        f"The losses of A and {letter} differ from the first iteration"
        if parted.equal_until is None
        else f"The losses of A and {letter} are equal up to iteration {parted.equal_until:,}"
    )
    if parted.apart_since is None:
        return f"{begin}; they do not end further apart than they spread."
    return f"{begin}, and are clearly apart from {parted.apart_since:,} on."


def _layer_blocks(rows: Sequence[Row], numbers: Sequence[list[LayerNumbers | None]], iteration: int) -> list[Block]:
    shared = [i for i, row in enumerate(rows) if sum(path is not None for path in row.paths) > 1]
    letters = LETTERS[: len(rows[0].paths)] if rows else ""

    def table(title: str, wanted: Sequence[tuple[str, str]]) -> Table:
        columns = [f"{label} {letter}" for _, label in wanted for letter in letters]
        once = together and wanted[0][0] == "units"
        cells = tuple(
            (rows[i].name, *(_cell(each, name, label) for name, label in wanted for each in numbers[i])) for i in shared
        )
        kept = [row for row in cells if any(cell is not None for cell in row[1:])]
        if once:
            spare = len(letters)
            kept = [(*row[:2], *row[1 + spare :]) for row in kept]
            columns = ["units", *columns[spare:]]
        return Table(("layer", *columns), tuple(kept), title=title)

    widths = [{each.units for each in numbers[i] if each is not None} for i in shared]
    together = all(len(each) == 1 for each in widths)  # one column where no width differs keeps lines short

    blocks: list[Block] = [
        table(
            f"activations in the last row up to iteration {iteration:,}",
            (("units", "units"), ("rms", "rms"), ("dead", "dead %")),
        ),
        table("weights, norms of the median unit", (("weight", "weight"), ("gradient", "gradient"))),
    ]
    for number, letter in enumerate(letters):
        alone = [
            row.paths[number] or "root"
            for row in rows
            if [i for i, p in enumerate(row.paths) if p is not None] == [number]
        ]
        if alone:
            blocks.append(Text(f"only in {letter}: {', '.join(alone)}"))
    if placed := [row.name for row in rows if "place" in row.how]:
        blocks.append(Text(f"aligned by class and depth, not by name: {', '.join(placed)}", "dim"))
    return blocks


def _classes(recordings: Sequence[Recording], rows: Sequence[Row]) -> list[Text]:
    """Layers of one name that are of other classes."""
    types = [{module.path: module.type for module in each.modules} for each in recordings]
    told = []
    for row in rows:
        found = [of[path] for of, path in zip(types, row.paths, strict=True) if path is not None]
        if len(set(found)) > 1:
            told.append(f"{row.name} ({', '.join(found)})")
    return [Text(f"of other classes: {', '.join(told)}", "dim")] if told else []


def _cell(numbers: LayerNumbers | None, name: str, label: str) -> float | int | None:
    value = None if numbers is None else getattr(numbers, name)
    return round(100 * value, 1) if value is not None and label.endswith("%") else value


def _found_block(found: Sequence[SharedFinding]) -> Block:
    if not found:
        return Text("No finding in any of them.")
    letters = LETTERS[: len(found[0].found)]
    rows = []
    for each in found:
        first = next(finding for finding in each.found if finding is not None)
        where = " = ".join(
            dict.fromkeys(f.module or "root code" for f in each.found if f is not None and f.module is not None)
        )
        here = "".join(letter for letter, finding in zip(letters, each.found, strict=True) if finding is not None)
        began = [None if f is None else f.iteration if f.onset is None else f.onset for f in each.found]
        rows.append((here if here != letters else "all", first.kind, where or None, *began))
    return Table(("in", "finding", "where", *(f"since {letter}" for letter in letters)), tuple(rows), title="findings")


def _finding_data(each: SharedFinding) -> dict[str, Any]:
    return {
        "kind": next(finding.kind for finding in each.found if finding is not None),
        "in": [letter for letter, finding in zip(LETTERS, each.found, strict=False) if finding is not None],
        "modules": [None if f is None else f.module for f in each.found],
        "iterations": [None if f is None else f.iteration for f in each.found],
        "messages": [None if f is None else f.message for f in each.found],
    }


def _credit_data(shares: Shares, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "targets": list(shares.targets),
        "iterations": list(shares.iterations),
        "shares": [_row_shares(shares, row) for row in rows],
    }


def _row_shares(shares: Shares, row: Row) -> list[float | None]:
    return [None if path is None else share.get(path) for share, path in zip(shares.shares, row.paths, strict=True)]


def _credit_blocks(shares: Shares, rows: Sequence[Row]) -> list[Block]:
    letters = LETTERS[: len(shares.targets)]
    cells = [(row.name, *(None if s is None else round(100 * s, 1) for s in _row_shares(shares, row))) for row in rows]
    told = [
        Text(f"{letter}: {text}" + ("" if at is None else f" (iteration {at:,})"))
        for letter, text, at in zip(letters, shares.targets, shares.iterations, strict=True)
    ]
    kept = tuple(row for row in cells if any(cell is not None for cell in row[1:]))
    table = Table(("layer", *(f"{letter} %" for letter in letters)), kept, title="share of the target's relevance")
    return [*told, table]
