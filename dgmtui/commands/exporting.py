"""Writing what is shown, or was edited, to a file that other programs read."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dgmtui.commands.chart_data import chart_block, drawn_chart
from dgmtui.commands.describe import elsewhere
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.commands.shown import Part
from dgmtui.errors import UsageError
from dgmtui.session.picking import name_of, place_of
from dgmtui.session.session import Session
from dgmtui.session.view import DynamicsView
from dgmtui.session.whole_lines import whole_lines
from dgmtui.session.writing import write_whole

_KINDS = (
    ".svg (the picture), .csv (its series), .md (the report), .xml (JUnit), .patch (the edits), or .txt and .json (the "
    "last answer)"
)
EXPORT_MARK = "<!-- an export of dgmtui -->"
_OURS = {
    ".svg": re.compile(rb'<svg [^>]*class="dgmtui"'),
    ".csv": re.compile(rb'iteration(,("[^"]*\[\d+\]"|[^",]*\[\d+\]))+$'),
    ".md": re.compile(rb"<!-- a(n export| report) of dgmtui -->$"),
    ".xml": re.compile(rb"<\?xml [^>]*><!-- by dgmtui -->$"),
    ".patch": re.compile(rb"# dgmtui: \d+ edits? of iteration [\d,]+ as changes of the code$"),
}
"""What the first line of an export matches; no other file is ever replaced."""


@command("export", group="session", needs_replay=True, logged=False)
def export(
    session: Session,
    file: Path | None = None,
    *,
    of: Part | None = None,
    force: bool = False,
    patch: bool = False,
) -> Result:
    """Write a chart, table, picture, the whole diagnosis or the edits to a file; its ending says how.

    --of names what: a part of the screen (tree, loss, dynamics, contributions, operations, maps, samples, clusters,
    findings), the last `answer`, or the whole `screen` as a picture. It is written as aligned text (.txt), as CSV with
    numbers in full (.csv), as Markdown (.md), as a picture (.svg) or as JSON (.json). Without --of, .txt and .json
    take the last answer, and the others are:

    FILE.svg is the picture of the dynamics chart, FILE.csv the series that it shows. FILE.md is a report of all
    findings, with their accounts and charts, to read or to attach to an issue; its pictures go into a folder
    FILE-charts beside it. FILE.xml are the findings as JUnit XML, for CI. --patch (or FILE.patch) prints the edits that
    stand at the iteration here as the changes to make in your code, at its source lines: as a unified diff of every
    file that is still there as it was recorded and where the place is certain, in words elsewhere. It applies with
    `patch -p0` or `git apply -p0`; without FILE it is only shown. Your files are read and never written. A file that is
    there is overwritten if it is such an export or with --force, and left alone if it is anything else.

    JSON: {"command":"export","file","format","lines"}: svg or csv, and how many series were written. Of a report or
    JUnit XML "findings" is how many there are, instead of "lines", and "charts" the pictures of a report. Of a patch:
    {"command":"export","file","format":"patch","iteration","patch","changes":[{"edit","file","line","words",
    "in_diff"}…]}, where "file" is null if it is only shown and "patch" is the text. With --of:
    {"command":"export","file","format","of"}.
    """
    if patch or (file is not None and file.suffix.lower() == ".patch"):
        return _export_patch(session, file)
    if file is None:
        raise UsageError("it needs FILE")
    form = file.suffix.lower()
    if of is not None or form in (".txt", ".json"):
        return _export_part(session, file, of or "answer", force)
    if form not in _OURS:
        raise UsageError(f"the name tells what is written, and ends in {_KINDS}; not {file.suffix or file.name!r}")
    if force:
        file.unlink(missing_ok=True)
    if form in (".md", ".xml"):
        return _export_findings(session, file, form)
    chart = drawn_chart(session)
    write(file, _picture(session, chart) if form == ".svg" else series_csv(session), form)
    lines = len(chart.lines)
    said = f"{lines:,} of {max(chart.total, lines):,} series of {chart.module or 'the root module'} written to {file}"
    return Result("export", {"file": str(file), "format": form[1:], "lines": lines}, (Text(said),))


def _export_part(session: Session, file: Path, part: Part, force: bool) -> Result:
    from dgmtui.commands.copying import FORMS, made

    form = file.suffix.lower()
    if form not in FORMS:
        raise UsageError(f"{part} is written as {', '.join(FORMS)}; not as {file.suffix or file.name!r}")
    text = made(session, part, FORMS[form])
    write(file, f"{EXPORT_MARK}\n{text}" if form == ".md" else text, form, force=force)
    return Result("export", {"file": str(file), "format": form[1:], "of": part}, (Text(f"{part} written to {file}"),))


def _export_findings(session: Session, file: Path, form: str) -> Result:
    if form == ".md":
        from dgmtui.commands.reporting import write_report

        data = write_report(session, file)
    else:
        data = _write_junit(session, file)
    charts = f" and {len(data['charts'])} charts" if data.get("charts") else ""
    said = f"{data['findings']} finding{'s' * (data['findings'] != 1)}{charts} written to {file}"
    return Result("export", data, (Text(said),))


def _write_junit(session: Session, file: Path) -> dict[str, Any]:
    from dgmtui.findings import DETECTORS
    from dgmtui.render.junit import junit_xml

    found = session.ranks.findings()
    summaries = {name: detector.summary for name, detector in DETECTORS.items()}
    write(file, junit_xml(session.recording.path.name, summaries, found), ".xml")
    return {"file": str(file), "format": "xml", "findings": len(found)}


def _export_patch(session: Session, file: Path | None) -> Result:
    snapshot = session.needed_snapshot()
    if not session.results.edits.of(snapshot):
        raise UsageError(f"no edit stands at iteration {snapshot.iteration:,}; `set`, `replace`, `clamp` … make one")
    from dgmtui.session.patch import patch_of

    made = patch_of(session, snapshot)
    done = sum(change.in_diff for change in made.told)
    if file is not None:
        write(file, made.text, ".patch")
    data = {
        "file": None if file is None else str(file),
        "format": "patch",
        "iteration": snapshot.iteration,
        "patch": made.text,
        "changes": [asdict(change) for change in made.told],
    }
    count = len(made.told)
    said = f"{count} change{'s' * (count != 1)}, {done} of them in the diff"
    if file is not None:
        return Result("export", data, (Text(f"{said}: written to {file}"), *elsewhere(session, snapshot.iteration)))
    shown = Text(made.text.rstrip("\n"))
    return Result("export", data, (shown, *elsewhere(session, snapshot.iteration)), Text(said))


def write(file: Path, text: str, form: str, *, force: bool = False) -> None:
    """Write ``text``; an earlier export of that form is replaced, no other file ever is unless with ``force``.

    Raises:
        UsageError: there is a file that is no export of ours, or it can't be written.
    """
    try:
        if file.exists() and not force and not _is_export(file, form, text):
            raise UsageError(
                f"{file} is there and is no {form} that dgmtui wrote; export under another name, or with --force"
            )
        write_whole(file, text)
    except OSError as error:
        raise UsageError(f"can't write {file}: {error.strerror}") from error


def _is_export(file: Path, form: str, text: str) -> bool:
    """Whether it is empty, bears our mark, or (where a form has no place for one) begins with the same line."""
    with file.open("rb") as stream:
        first = stream.readline(1 << 20).rstrip(b"\n")
    if form in _OURS and _OURS[form].match(first):
        return True
    same = form in (".csv", ".txt") and first == text.partition("\n")[0].encode()
    return not first or same


def _picture(session: Session, chart: DynamicsView) -> str:
    from dgmtui.render.svg import chart_svg

    return chart_svg(chart_block(chart, session.iteration, place_of(chart, session.pick)))


def series_csv(session: Session) -> str:
    """The series of the dynamics chart, in full."""
    from dgmtui.render.csv import columns_csv

    chart = drawn_chart(session)
    iterations, values = whole_lines(session, chart)
    names = [name_of(chart, line) for line in chart.lines]
    return columns_csv("iteration", iterations, list(zip(names, values, strict=True)))
