"""Parts of the screen as files: whole numbers, aligned text, and no other file is ever lost."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session

TABLES = ("tree", "contributions", "operations", "findings")


@pytest.fixture
def session(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.start()
        yield session


def run(session: Session, line: str) -> str:
    result = REGISTRY.run(session, line)
    return "\n".join(str(getattr(block, "text", block)) for block in result.blocks)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_contributions_in_csv_are_the_numbers_of_the_answer(session: Session, tmp_path: Path) -> None:
    answer = REGISTRY.run(session, "credit nonfinite")
    run(session, f"export {tmp_path / 'c.csv'} --of contributions")
    upstream = [row for row in session.view().credit.rows if row.forward is not None]  # type: ignore[union-attr]
    written = [row for row in rows_of(tmp_path / "c.csv") if row["forward"]]
    assert [float(row["forward"]) for row in written] == [row.forward for row in upstream]
    assert written and answer.data["rows"]


@pytest.mark.parametrize("part", TABLES)
@pytest.mark.parametrize("form", ["txt", "csv", "md", "svg", "json"])
def test_every_table_is_written_in_every_form(session: Session, tmp_path: Path, part: str, form: str) -> None:
    for line in ("replay", "credit nonfinite"):
        run(session, line)
    path = tmp_path / f"part.{form}"
    assert str(path) in run(session, f"export {path} --of {part}")
    text = path.read_text()
    assert (
        {"findings": "inite", "contributions": "input:x"}.get(part, "enc") in text
        and "\x1b" not in text
        and text.endswith("\n")
    )
    if form == "txt":
        assert all(line == line.rstrip() for line in text.splitlines())
    if form == "svg":
        assert ElementTree.fromstring(text).tag.endswith("svg")
    if form == "json":
        assert json.loads(text)[0]["rows"]


def test_the_last_answer_is_what_was_seen_last(session: Session, tmp_path: Path) -> None:
    run(session, "scalars")
    run(session, "goto 3")
    run(session, f"export {tmp_path / 'a.json'}")
    assert json.loads((tmp_path / "a.json").read_text())["command"] == "scalars"


def test_before_any_answer_it_says_what_to_do(session: Session, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no answer yet"):
        run(session, f"export {tmp_path / 'a.txt'}")
    with pytest.raises(UsageError, match="`maps` fills it"):
        run(session, f"export {tmp_path / 'a.csv'} --of maps")


def test_the_loss_and_the_series_are_whole_and_read_back(session: Session, tmp_path: Path) -> None:
    run(session, f"export {tmp_path / 'l.csv'} --of loss")
    assert [float(row["loss"]) for row in rows_of(tmp_path / "l.csv")] == session.landmarks.losses.tolist()
    run(session, f"export {tmp_path / 'a.csv'}")
    run(session, f"export {tmp_path / 'b.csv'} --of dynamics")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_a_chart_is_drawn_in_text_and_markdown(session: Session, tmp_path: Path) -> None:
    for name in ("d.txt", "d.md", "d.svg"):
        run(session, f"export {tmp_path / name} --of dynamics")
    assert "activation" in (tmp_path / "d.txt").read_text() and "```" in (tmp_path / "d.md").read_text()
    assert "polyline" in (tmp_path / "d.svg").read_text()


def test_what_is_no_export_is_left_alone_unless_forced(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("my,own\n1,2\n")
    with pytest.raises(UsageError, match="--force"):
        run(session, f"export {path} --of tree")
    assert path.read_text() == "my,own\n1,2\n"
    run(session, f"export {path} --of tree --force")
    first = path.read_text()
    run(session, f"export {path} --of tree")
    assert path.read_text() == first != "my,own\n1,2\n"


def test_there_is_no_screen_and_no_clipboard_in_batch(session: Session, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no screen"):
        run(session, f"export {tmp_path / 's.svg'} --of screen")
    with pytest.raises(UsageError, match="no clipboard without a screen"):
        run(session, "copy")
