"""Every command on the recordings that ship: JSON that any reader takes, and text that says what happened."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.cli import main
from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recording import Recording, open_recording
from dgmtui.render.json import to_json
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"
LINES = (
    "goto 100", "goto -1", "goto first-nonfinite", "step", "step 10", "back", "first-nonfinite", "next-nonfinite",
    "prev-nonfinite", "next-snapshot", "prev-snapshot", "goto 512", "module .", "module {leaf}", "unit 0", "unit all",
    "sample 3", "sample all", "quantity gradient", "quantity weight", "quantity update", "quantity activation zeros",
    "rank", "follow", "where",
    "findings --quick", "findings", "explain", "explain 1", "dynamics", "dynamics -k 5 --scale symlog",
    "dynamics --window 10 -1", "dynamics --whole", "dynamics --limits -1 1 --overlay density", "dynamics --fit",
    "dynamics --scale next --overlay next", "zoom", "zoom out", "zoom left", "zoom all", "pick", "pick previous",
    "pick take", "pick none", "export {file}.svg", "export {file}.csv",
    "print loss", "print max({leaf}) at 0 -1", "print grad:{leaf}[0]", "print mean({leaf})",
    "print param:{leaf}.weight",
    "replay", "replay --dtype float64", "replay --beside", "replay --to 1", "nodes", "nodes --bad",
    "credit", "export {file}.csv --of contributions", "credit loss --by module",
    "credit {leaf}[0]@1 --top 0 --backward", "credit --by unit,sample", "credit nonfinite",
    "against", "credit --by region --sort difference", "against off", "credit loss", "sort value",
    "sort next", "filter .", "row", "row 2", "row previous", "into", "out", "into 1", "filter", "sort",
    "unit 1 --of {leaf}", "loss", "loss --scale next", "chain", "chain --backward loss",
    "up", "down", "growth",
    "maps", "maps {leaf} --shared --top 3", "maps input --top 2", "maps --relevance {leaf}[0]", "samples {leaf}[0]",
    "clusters {leaf}", "clusters 0", "samples cluster:0 --top 2", "clusters {leaf} -k 2", "edges {leaf} {later}",
    "classes {leaf}",
    "set input[0][1] = input[0][0]", "set param:{leaf}.weight *= 0.5", "replace relu with tanh", "clamp {leaf} -1 +inf",
    "export --patch", "export {file}.patch", "scale {leaf}[0] 0.5", "drop sample 0",
    "replay", "nodes", "credit loss", "chain loss", "undo", "redo", "edits",
    "edits --clear", "optimizer-step", "train 1",
    "patterns", "patterns 1", "patterns --kind step --top 0", "patterns --module {leaf}", "forecast", "forecast {leaf}",
    "thresholds", "thresholds stuck_change 0.03", "thresholds stuck_change default", "scalars", "scalars loss",
    "export {file}.md", "export {file}.xml",
    "dead", "dead {leaf}", "compare {other}", "compare --at 100 --module {leaf}", "compare off",
    "export {file}.txt", "copy",
    "theme", "theme terminal", "keys", "config", "config --example",
    "goto 0", "break loss > 100 or {leaf}.activation.absmax > 3", "tbreak nonfinite", "break finding", "breaks",
    "display loss", "display", "continue", "continue --back", "disable 1", "enable all", "until -1", "undisplay",
    "clear all", "finding", "finding 1", "evidence", "exclude aten.log$", "include all", "bisect",
    "pause", "follow", "node next", "node", "inputs", "outputs -r", "list", "graph", "graph --all", "fold", "fold",
    "collapse .", "expand .", "unhealthy", "unhealthy", "search {leaf}", "search-next", "search-previous",
    "bookmark here", "note it was high", "bookmarks", "goto here", "runs {folder}", "script start tried", "step",
    "script stop", "scripts", "script show tried", "script delete tried", "tour", "raised", "training",
    "resume-training", "stop-training", "resume", "stand 10",
    "help", "help credit", "save {file}", "source {file}", "nonsense", "module nowhere", "quit",
)  # fmt: skip
LEAVES = {"vae": "enc.0", "cnn": "conv1"}
LATER = {"vae": "mu", "cnn": "conv2"}
OTHERS = {"vae": "cnn.h5", "cnn": "cnn-batchnorm.h5"}


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_every_command_is_tried() -> None:
    assert {line.split()[0] for line in LINES} >= {command.name for command in REGISTRY.commands}


@pytest.mark.parametrize("name", LEAVES)
def test_every_answer_is_one_line_of_strict_json(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = {"leaf": LEAVES[name], "later": LATER[name], "file": tmp_path / "kept.dgm", "other": SHIPPED / OTHERS[name]}
    words["folder"] = SHIPPED
    lines = [line.format(**words) for line in LINES]
    arguments = [part for line in lines for part in ("-c", line)]
    code = main([str(SHIPPED / f"{name}.h5"), "--batch", "--json", *arguments])
    said = capsys.readouterr()
    answers = [json.loads(line, parse_constant=refuse) for line in said.out.splitlines()]
    assert (code, said.err) == (2, ""), "nonsense fails, in JSON"
    assert [answer["command"] for answer in answers] == [line.split()[0] for line in lines]
    failed = {line for line, answer in zip(LINES, answers, strict=True) if "error" in answer}
    nothing_failed = {"goto first-nonfinite", "first-nonfinite", "next-nonfinite", "prev-nonfinite"}
    assert {"nonsense", "module nowhere"} <= failed
    at_512 = {"next-snapshot", "credit nonfinite", "up", "down"} | ({"bisect"} if name == "cnn" else set())
    waiting = {"raised", "training", "resume-training", "stop-training"}
    stateless = {"optimizer-step", "train 1", "copy", "resume"} | waiting
    assert stateless <= failed
    of_data = nothing_failed | {"tour"} if name == "cnn" else {"classes {leaf}", "chain --backward loss"}
    assert failed <= {"nonsense", "module nowhere"} | stateless | at_512 | of_data


@pytest.fixture(scope="module", params=["vae", "vae-replaced", "vae-softplus", "cnn", "cnn-batchnorm"])
def shipped(request: pytest.FixtureRequest) -> Iterator[Session]:
    with open_recording(SHIPPED / f"{request.param}.h5") as recording:
        yield Session(recording, thorough=True)


def test_evidence_runs_as_it_stands(shipped: Session) -> None:
    for finding in shipped.results.findings():
        for item in finding.evidence:
            assert json.loads(to_json(REGISTRY.run(shipped, item.command)))["command"] == item.command.split()[0]


def answers(capsys: pytest.CaptureFixture[str], *lines: str) -> list[dict[str, Any]]:
    arguments = [part for line in lines for part in ("-c", line)]
    assert main([str(SHIPPED / "vae.h5"), "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_stands_on_the_cause_and_is_told_where_it_was_born(capsys: pytest.CaptureFixture[str]) -> None:
    there, where = answers(capsys, "next-nonfinite", "where")
    assert (where["iteration"], where["phase"]) == (2578, "forward")
    assert (where["module"], where["unit"], where["sample"]) == ("xv", 16, 15)
    finding = where["finding"]
    assert (finding["module"], finding["op"], finding["unit"], finding["sample"]) == ("", "aten.exp", 16, 15)
    assert finding["source"].endswith("vae.py:32")
    assert {**there, "command": "where"} == {**where, "note": None}


def test_json_has_every_row_that_tables_leave_out(capsys: pytest.CaptureFixture[str]) -> None:
    (credit,) = answers(capsys, "credit nonfinite --top 0")
    modules = {row["module"] for row in credit["rows"]}
    assert {"enc", "enc.0", "enc.1", "dec", "dec.0", "dec.1"} <= modules


def test_the_command_that_is_offered_has_both_parts(capsys: pytest.CaptureFixture[str]) -> None:
    main([str(SHIPPED / "vae.h5"), "-c", "credit"])
    text = capsys.readouterr().out
    assert "no backward part: gradients are not finite; `goto 2048`, `credit xv[16]`" in text
    _, credit = answers(capsys, "goto 2048", "credit xv[16] --top 0")
    assert any(row["forward"] for row in credit["rows"])
    assert any(row["backward"] for row in credit["rows"])


SCRIPT = """\
# how the VAE failed
next-nonfinite
where
replay
credit --top 5
chain
dynamics -k 12
explain
"""


def test_a_script_tells_the_whole_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "vae.dgm"
    script.write_text(SCRIPT)
    assert main([str(SHIPPED / "vae.h5"), "-x", str(script), "--batch"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    for told in ("iteration 2,578", "aten.exp", "sample 15", "unit 16", "vae.py:32", "xv[16] of sample 15 = 93.55"):
        assert told in said.out
    assert "replay matches" in said.out or "replay agrees" in said.out
    charted = said.out.split("(dgm) dynamics")[1].split("(dgm) explain")[0]
    assert "▶[16]" in charted and max(map(len, charted.splitlines())) <= 80


def test_a_part_that_cannot_be_read_fails_its_command_and_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def damaged(recording: Recording, trace: int) -> str:
        raise RecordingError("its trace is damaged")

    monkeypatch.setattr(Recording, "trace", damaged)
    code = main([str(SHIPPED / "vae.h5"), "--json", "-c", "nodes", "-c", "next-nonfinite", "-c", "goto 5"])
    said = capsys.readouterr()
    nodes, stood, gone = map(json.loads, said.out.splitlines())
    assert (code, said.err, nodes) == (2, "", {"command": "nodes", "error": "its trace is damaged"})
    assert (stood["iteration"], gone["iteration"]) == (2578, 5)
