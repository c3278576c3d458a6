"""The report of a diagnosis: Markdown that reads as what was said, with pictures; JUnit XML that a CI server takes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Table, Text
from dgmtui.errors import UsageError
from dgmtui.findings import DETECTORS, Finding, Severity
from dgmtui.recording import open_recording
from dgmtui.render.junit import junit_xml
from dgmtui.render.markdown import escaped, fenced, markdown
from dgmtui.session.session import Session
from tests.answers import run

SHIPPED = Path(__file__).parents[2] / "recordings"


@pytest.fixture(scope="module")
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording, thorough=True)


def test_the_report_tells_each_finding_with_its_chart(vae: Session, tmp_path: Path) -> None:
    here = (vae.iteration, vae.module, vae.unit, vae.drawn)
    file = tmp_path / "what happened.md"
    answer = run(vae, f'export "{file}"')
    text = (tmp_path / "what happened.md").read_text()
    found = vae.ranks.findings()
    assert answer["findings"] == len(found) and answer["format"] == "md"
    for number, finding in enumerate(found, start=1):
        assert f"## {number}. {finding.kind.replace('_', ' ')}" in text
        assert escaped(finding.message) in text and escaped(finding.advice) in text
    for picture in answer["charts"]:
        assert f"(what%20happened-charts/{Path(picture).name})" in text
        assert ElementTree.fromstring(Path(picture).read_text()).tag.endswith("svg")
    assert len(answer["charts"]) == 1 + len(found)  # the loss, and the unit that overflowed among them
    assert "xv" in Path(answer["charts"][1]).read_text()
    assert (vae.iteration, vae.module, vae.unit, vae.drawn) == here


def test_a_report_is_replaced_and_nothing_else_is(vae: Session, tmp_path: Path) -> None:
    mine = tmp_path / "README.md"
    mine.write_text("# my project\n")
    with pytest.raises(UsageError, match=r"no \.md that dgmtui wrote"):
        REGISTRY.run(vae, f"export {mine}")
    assert mine.read_text() == "# my project\n" and list(tmp_path.iterdir()) == [mine]
    (tmp_path / "pom.xml").write_text('<?xml version="1.0" encoding="utf-8"?>\n<project/>\n')
    with pytest.raises(UsageError, match=r"no \.xml that dgmtui wrote"):
        REGISTRY.run(vae, f"export {tmp_path / 'pom.xml'}")
    for name in ("a.md", "a.md", "a.xml", "a.xml"):
        run(vae, f"export {tmp_path / name}")


def test_junit_fails_the_case_of_each_kind_with_an_error(vae: Session, tmp_path: Path) -> None:
    answer = run(vae, f"export {tmp_path / 'findings.xml'}")
    suite = ElementTree.parse(tmp_path / "findings.xml").getroot()[0]
    failed = {case.get("name") for case in suite if case.find("failure") is not None}
    found = vae.ranks.findings()
    assert failed == {f.kind for f in found if f.severity == Severity.ERROR} and answer["findings"] == len(found)
    assert {case.get("name") for case in suite} >= set(DETECTORS)
    assert suite.get("tests") == str(len(suite)) and suite.get("failures") == str(len(failed))


def test_junit_holds_any_text_and_kinds_without_a_detector() -> None:
    odd = Finding("odd", Severity.ERROR, 3, "a < b & \x00 ]]> \ud800", "try\x0b")
    root = ElementTree.fromstring(junit_xml("r&d.h5", {"nonfinite": "…"}, (odd, replace(odd, severity=Severity.INFO))))
    (case,) = (case for case in root.iter("testcase") if case.get("name") == "odd")
    failure, out = case.find("failure"), case.find("system-out")
    assert failure is not None and out is not None and failure.get("message") == "a < b & � ]]> �"
    assert root.get("failures") == "1" and root.get("tests") == "2"


def test_a_healthy_recording_makes_a_report_too(small_recording: Path, tmp_path: Path) -> None:
    with open_recording(small_recording) as recording:
        run(Session(recording, thorough=True), f"export {tmp_path / 'r.md'}")
    text = (tmp_path / "r.md").read_text()
    assert "## The run" in text and "![loss]" in text


def test_markdown_shows_words_as_they_are() -> None:
    assert escaped("`a|b` <b> *x* d[7]") == "`a|b` \\<b\\> \\*x\\* d\\[7\\]"
    assert escaped("an odd ` tick_") == "an odd \\` tick\\_"
    assert fenced("```\nx") == "````\n```\nx\n````"
    table = markdown(Table(("name", "n"), (("`a|b`\nc", 1.5), ("d", None)), note="of 3"), lambda chart: "")
    assert table.splitlines()[0] == "| name | n |" and "| :--- | ---: |" in table
    assert "| `a\\|b` c | 1.5 |" in table and "| d | – |" in table and table.endswith("*of 3*")
    assert markdown(Text("now", "strong"), lambda chart: "") == "**now**"
