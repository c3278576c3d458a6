"""The diagnosis of a recording as a Markdown report: what went wrong, with charts, so that another can follow it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmtui import __version__
from dgmtui.commands.bookmarking import bookmark_blocks
from dgmtui.commands.chart_data import chart_block
from dgmtui.commands.findings_data import findings_table, paragraphs
from dgmtui.commands.result import Block, Chart, Line, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.losses import thin_losses
from dgmtui.session.session import Session
from dgmtui.session.showing import chart_of

if TYPE_CHECKING:
    from dgmtui.findings import Finding

MARK = "<!-- a report of dgmtui -->"
"""The first line of every report."""
CHARTED = 8
"""Of so many findings, the likeliest, charts are drawn."""
_WIDE = 20.0
"""Between a loss's greatest and median magnitude: from here a linear axis shows one step and a flat line."""


@dataclass(frozen=True)
class Section:
    """A heading and what is under it."""

    heading: str
    blocks: tuple[Block, ...]


def sections(session: Session) -> Iterator[Section]:
    """All that the report tells, in its order."""
    found = session.ranks.findings()
    complete = session.ranks.complete
    table = findings_table(found, complete, with_rank=session.ranks.several)
    yield Section("Findings", (table,) if found else (Text("No finding: nothing that is looked for was seen."),))
    yield Section("Loss", (loss_chart(session),))
    for number, finding in enumerate(found, start=1):
        yield Section(f"{number}. {finding.kind.replace('_', ' ')}", tuple(_account(session, number, finding)))
    if kept := bookmark_blocks(session):
        yield Section("Bookmarks and notes", kept)
    yield Section("The run", (_run_table(session),))
    if session.history:
        yield Section("The investigation", (Text("\n".join(f"`{line}`" for line in session.history)),))


def loss_chart(session: Session) -> Chart:
    """The loss over all iterations, up to where it is finite no more."""
    iterations, losses = thin_losses(session.landmarks.losses)
    bad = np.flatnonzero(~np.isfinite(losses))
    first = int(iterations[bad[0]]) if len(bad) else None
    finite = np.abs(losses[np.isfinite(losses)])
    wide = len(finite) > 0 and finite.max() > _WIDE * max(float(np.median(finite)), 1e-30)
    line = Line("loss", losses.astype(np.float32), "nonfinite" if first is not None else "selected", first)
    return Chart(iterations, (line,), "loss", "symlog" if wide else "linear", 1, int(first is not None))


def write_report(session: Session, file: Path) -> dict[str, Any]:
    """Write the report, and its charts into a folder beside it; what the two hold is told.

    Raises:
        UsageError: a file that is there is no such report, or can't be written.
    """
    from dgmtui.commands.exporting import write
    from dgmtui.render.markdown import markdown
    from dgmtui.render.svg import chart_svg

    folder = file.with_name(f"{file.stem}-charts")
    pictures: list[tuple[Path, str]] = []

    def place_chart(chart: Chart) -> str:
        picture = folder / f"{len(pictures) + 1}.svg"
        pictures.append((picture, chart_svg(chart)))
        return f"{folder.name}/{picture.name}".replace(" ", "%20")

    parts = [MARK, f"# {_title(session)}"]
    for section in sections(session):
        parts.append(f"## {section.heading}")
        parts += [text for block in section.blocks if (text := markdown(block, place_chart))]
    write(file, "\n\n".join(parts) + "\n", ".md")
    if pictures:
        _make(folder)
    for picture, svg in pictures:
        write(picture, svg, ".svg")
    return {
        "file": str(file),
        "format": "md",
        "charts": [str(picture) for picture, _ in pictures],
        "findings": len(session.ranks.findings()),
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't make {folder}: {error.strerror}") from error


def _title(session: Session) -> str:
    from dgmtui.render.markdown import escaped

    return f"What went wrong in {escaped(session.recording.path.name)}"


def _account(session: Session, number: int, finding: "Finding") -> Iterator[Block]:
    results = session.ranks.results(finding.rank)
    chain = results.crediting.account(finding) or finding.data.get("chain", "")
    yield from paragraphs(number, finding, chain)
    chart = chart_of(session, finding) if number <= CHARTED else None
    if chart is not None and chart.lines:
        yield chart_block(chart, finding.iteration)


def _run_table(session: Session) -> Table:
    recording = session.recording
    info, end = recording.info, recording.end
    rows: list[tuple[str, Any]] = [
        ("script", " ".join((info.script, *info.argv))),
        ("recorded", f"{info.created}, each {info.every} iterations" if info.every > 1 else info.created),
        ("iterations", recording.iteration_count),
        ("end", "none: killed, or still running" if end is None else f"{end.reason}. {end.message}".rstrip(". ")),
        ("snapshots", ", ".join(f"{s.iteration:,}" for s in recording.snapshots) or "none"),
        ("replay", session.results.verdict_words(recording.snapshots[-1] if recording.snapshots else None)),
        ("PyTorch", f"{info.torch_version} on {info.device}, {info.threads} threads ({info.cpu_capability})"),
        ("Python", info.python_version),
        ("dgmtui", f"{info.dgmtui_version} recorded, {__version__} wrote this report"),
    ]
    if session.ranks.several:
        rows.append(("ranks", info.world_size))
    return Table(("", ""), tuple(rows))
