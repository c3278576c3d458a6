"""Every command on a small recording that fails at iteration 30: sample 2, unit 1 of ``enc`` is too much for exp."""

import errno
import math
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Chart, Table
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from tests.answers import run

WHERE = {"command", "iteration", "phase", "module", "unit", "sample", "quantity", "finding"}
FINDING = {
    "kind", "severity", "iteration", "onset", "rank", "phase", "module", "op", "autograd", "source",
    "sample", "samples", "unit", "value", "message", "advice", "consequences",
}  # fmt: skip


def test_a_session_begins_where_the_training_ended(session: Session) -> None:
    assert run(session, "where")["iteration"] == 30


@pytest.mark.parametrize(
    ("line", "iteration", "note"),
    [
        ("goto 7", 7, None),
        ("goto -1", 30, None),
        ("goto -31", 0, None),
        ("goto 99", 30, "99 is not recorded; this is the last iteration before it"),
        ("back 3", 27, None),
        ("back", 29, None),
        ("step", 30, "this is the last iteration"),
        ("back 99", 0, "this is the first iteration"),
        ("prev-snapshot", 16, None),
        ("goto first-nonfinite", 30, None),
    ],
)
def test_moving(session: Session, line: str, iteration: int, note: str | None) -> None:
    said = run(session, line)
    assert set(said) == WHERE | {"note"}
    assert (said["iteration"], said["note"]) == (iteration, note)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("goto -32", "goto: there are only 31 iterations; `goto 0` is the first"),
        ("goto", "goto: it needs ITERATION|first-nonfinite"),
        ("goto there", "goto: iteration takes an integer or first-nonfinite, not 'there'"),
        ("unit 9", "unit: the root module has units 0 to 2; not 9"),
        ("unit -1", "unit: the root module has units 0 to 2; not -1"),
        ("next-snapshot", "next-snapshot: no snapshot after 30; there are: 0, 16, 30"),
        ("down", "down: this is where `up` began; there is nothing further down"),
        ("explain 99", "explain: no finding 99"),
        ("dynamics --window 5 5", "dynamics: a window goes from an iteration up to a later one; not from 5 to 5"),
        ("quantity weight", "quantity: the root module has no recorded weight; it has activation"),
        ("quantity activation norm", "quantity: activation is measured by mean, rms, zeros; not norm"),
    ],
)
def test_what_can_not_be_done_is_said_and_changes_nothing(session: Session, line: str, said: str) -> None:
    before = session.iteration, session.module, session.unit, list(session.history)
    with pytest.raises(UsageError) as raised:
        REGISTRY.run(session, line)
    assert str(raised.value).startswith(said)
    assert (session.iteration, session.module, session.unit, session.history) == before


def test_an_unknown_module_names_what_is_near(session: Session) -> None:
    with pytest.raises(UsageError, match="enc"):
        REGISTRY.run(session, "module encc")


def test_the_first_nonfinite_is_stood_on(session: Session) -> None:
    run(session, "goto 3")
    said = run(session, "next-nonfinite")
    assert (said["iteration"], said["phase"], said["unit"], said["quantity"]) == (30, "forward", 1, "activation")
    assert said["finding"]["kind"] == "nonfinite"


def test_next_and_previous_nonfinite_go_round(session: Session) -> None:
    run(session, "goto 3")
    assert run(session, "prev-nonfinite")["note"] == "there is none before 3; this is the last"
    assert run(session, "next-nonfinite")["note"] is None


def test_where_keeps_the_contract(session: Session) -> None:
    run(session, "module enc")
    run(session, "unit 1")
    run(session, "sample 2")
    said = run(session, "where")
    assert set(said) == WHERE
    assert (said["module"], said["unit"], said["sample"]) == ("enc", 1, 2)
    assert set(said["finding"]) == FINDING


def test_findings_name_the_birth(session: Session) -> None:
    said = run(session, "findings")
    assert set(said) == {"command", "findings"}
    first = said["findings"][0]
    assert set(first) >= FINDING and set(first) <= FINDING | {"dataset_index", "turn"}
    assert (first["kind"], first["severity"], first["iteration"], first["phase"]) == (
        "nonfinite",
        "error",
        30,
        "forward",
    )
    assert (first["op"], first["module"], first["source"]) == ("aten.exp", "", "train.py:12")
    assert (first["sample"], first["samples"], first["unit"]) == (2, [2], 1)
    assert first["value"] == pytest.approx(160.25)


def test_quick_findings_come_from_the_recording_alone(session: Session) -> None:
    said = run(session, "findings --quick")
    assert (said["findings"][0]["kind"], said["findings"][0]["op"]) == ("nonfinite", None)


def test_explain_shows_the_evidence_as_commands_that_run(session: Session) -> None:
    said = run(session, "explain")
    assert set(said) == {"command", "number", "finding", "chain", "evidence", "source_text", "data"}
    assert said["chain"].startswith("enc[1] of sample 2 = 160.2, then exp = inf (train.py:12).")
    assert said["source_text"] == "return self.enc(x).exp()"
    assert said["evidence"]
    for item in said["evidence"]:
        run(session, item["command"])


def test_replay_compares_with_what_was_recorded(session: Session) -> None:
    said = run(session, "replay")
    assert said["verdict"] in ("replay matches", "replay agrees")
    assert (said["loss"], said["recorded_loss"]) == ("inf", "inf")
    assert [(b["op"], b["what"], b["sample"], b["unit"]) for b in said["births"]] == [("aten.exp", "inf", 2, 1)]


def test_replay_in_float64_says_that_precision_was_the_trouble(session: Session) -> None:
    said = run(session, "replay --dtype float64")
    assert said["loss"] == pytest.approx(math.exp(160.25) / 12, rel=1e-5)
    assert (said["verdict"], said["births"]) == ("replay not verified", [])


def test_replay_to_a_node_stops_there(session: Session) -> None:
    node = run(session, "replay --to 1")["node"]
    assert (node["op"], node["shape"], node["nonfinite"]) == ("aten.addmm", [4, 3], 0)
    assert node["max"] == pytest.approx(160.25)
    with pytest.raises(UsageError, match="no node 4; there are 0 to 3"):
        REGISTRY.run(session, "replay --to 4")


def test_away_from_a_snapshot_the_nearest_before_is_taken(session: Session) -> None:
    run(session, "goto 20")
    said = run(session, "replay")
    assert said["iteration"] == 16
    assert said["births"] == []


def test_nodes_have_ranges_once_replayed(session: Session) -> None:
    before = run(session, "nodes")
    assert [n["max"] for n in before["nodes"]] == [None] * 4
    run(session, "replay")
    after = run(session, "nodes")["nodes"]
    assert [(n["op"], n["nonfinite"], n["born"]) for n in after] == [
        ("aten.t", 0, False), ("aten.addmm", 0, False), ("aten.exp", 1, True), ("aten.mean", 1, False),
    ]  # fmt: skip
    assert [n["node"] for n in run(session, "nodes --bad")["nodes"]] == [2, 3]
    assert [n["node"] for n in run(session, "nodes train.py:20")["nodes"]] == [3]
    run(session, "module enc")
    assert [n["node"] for n in run(session, "nodes")["nodes"]] == [0, 1]


def test_credit_of_the_nonfinite_value_goes_to_the_value_that_overflowed(session: Session) -> None:
    said = run(session, "credit nonfinite")
    compared = {"against", "against_target", "against_note", "only"}
    assert set(said) == {"command", "target", "rows", "inputs", "conserved", "terms", *compared}
    target = said["target"]
    assert target["iteration"] == 30
    assert (target["module"], target["unit"], target["sample"]) == ("enc", 1, 2)
    assert target["value"] == pytest.approx(160.25)
    place = run(session, "where")
    assert (place["module"], place["unit"], place["sample"], session.target) == ("enc", 1, 2, "nonfinite")
    forward = [said["conserved"][name] for name in ("inputs", "bias", "random", "approximate", "lost")]
    assert sum(forward) == pytest.approx(160.25, rel=1e-4)


def test_credit_rows_keep_the_contract_and_the_sum(session: Session) -> None:
    run(session, "goto 16")
    said = run(session, "credit loss --by unit,sample --top 0")
    keys = {"module", "unit", "sample", "value", "forward", "backward", "approximate"}
    added = {"region", "then", "difference", "rank"}
    assert all(set(row) == keys | added for row in said["rows"])
    enc = [row["forward"] for row in said["rows"] if row["module"] == "enc"]
    assert sum(enc) == pytest.approx(said["target"]["value"], rel=1e-3)
    assert len(run(session, "credit loss --top 2")["rows"]) == 2
    assert {row["unit"] for row in run(session, "credit loss --by module")["rows"]} == {None}


def test_chain_leads_to_the_input(session: Session) -> None:
    said = run(session, "chain nonfinite")
    assert said["links"][0]["module"] == "enc"
    assert said["links"][-1]["module"] == "input:x"
    assert {"sample": 2}.items() <= said["links"][-1].items()
    assert said["sentence"]


def test_up_and_down_move_the_target(session: Session) -> None:
    run(session, "goto 16")
    run(session, "module enc")
    run(session, "unit 1")
    assert "outside the network" in run(session, "up")["note"]
    run(session, "module .")
    run(session, "credit loss")
    assert run(session, "up")["module"] == "enc"
    assert session.trail()[-1] == "loss"
    run(session, "down")
    assert session.target == "loss"


def test_dynamics_always_shows_what_became_nonfinite(session: Session) -> None:
    said = run(session, "dynamics -k 1")
    assert (said["total"], said["nonfinite"]) == (3, 1)
    bad = [line for line in said["lines"] if line["kind"] == "nonfinite"]
    assert [(line["unit"], line["first_nonfinite"]) for line in bad] == [(1, 30)]
    assert bad[0]["values"][-1] == "inf"
    result = REGISTRY.run(session, "dynamics --window -10 -1 --scale symlog")
    assert isinstance(result.blocks[0], Chart)
    assert (result.data["iterations"][0], len(result.data["iterations"]), result.data["scale"]) == (21, 9, "symlog")
    assert len(REGISTRY.run(session, "dynamics --whole").data["iterations"]) == 31


@pytest.mark.parametrize(
    ("expression", "value"),
    [("enc[1]@2", 160.25), ("max(enc)", 160.25), ("count(isinf(node:2))", 1.0), ("param:enc.bias[2] * 2", -1.0)],
)
def test_print_numbers(session: Session, expression: str, value: float) -> None:
    said = run(session, f"print {expression}")
    assert said["values"] == [pytest.approx(value)]
    assert (said["expression"], said["iteration"]) == (expression, 30)


def test_print_summarises_a_tensor(session: Session) -> None:
    said = run(session, "print node:2")
    assert (said["shape"], said["dtype"], said["nan"], said["inf"]) == ([4, 3], "float32", 0, 1)
    assert isinstance(REGISTRY.run(session, "print input:x").blocks[0], Table)


@pytest.mark.parametrize(
    "line", ["print nowhere", "print param:x", "print node:9", "print enc[7]", "print enc@9", "print"]
)
def test_print_refuses_what_is_not_there(session: Session, line: str) -> None:
    with pytest.raises(UsageError):
        REGISTRY.run(session, line)


def test_help_lists_all_and_explains_one(session: Session) -> None:
    assert len(run(session, "help")["commands"]) == len(REGISTRY.commands)
    assert run(session, "help goto")["commands"][0]["usage"] == "goto ITERATION|first-nonfinite"
    with pytest.raises(UsageError, match="did you mean 'goto'"):
        REGISTRY.run(session, "help gotoo")


def test_quit_ends_the_session(session: Session) -> None:
    assert REGISTRY.run(session, "q").quit


def test_empty_lines_and_comments_do_nothing(session: Session) -> None:
    for line in ("", "   ", "# a note"):
        assert REGISTRY.run(session, line).command == ""
    assert session.history == []


def test_save_and_source_give_the_same_state_again(session: Session, small_recording: Path, tmp_path: Path) -> None:
    for line in ("goto 16", "step", "step", "step 3", "module enc", "unit 1", "quantity activation rms", "where"):
        REGISTRY.run(session, line)
    file = tmp_path / "with blank.dgm"
    assert run(session, f'save "{file}"') == {"command": "save", "file": str(file), "commands": 7}
    lines = file.read_text().splitlines()
    assert lines[0].startswith("# dgmtui")
    assert lines[1:] == ["stand 30 .", "goto 16", "step 5", "module enc", "unit 1", "quantity activation rms", "where"]
    with open_recording(small_recording) as recording:
        again = Session(recording)
        said = run(again, f'source "{file}"')
        assert [item["command"] for item in said["results"]] == [
            "stand", "goto", "step", "module", "unit", "quantity", "where"
        ]  # fmt: skip
        assert run(again, "where") == run(session, "where")
        assert again.history[1:-1] == session.history[:-1]


def test_save_replaces_a_script_and_nothing_else(session: Session, tmp_path: Path) -> None:
    script, other = tmp_path / "a.dgm", tmp_path / "train.py"
    run(session, f"save {script}")
    run(session, "goto 3")
    run(session, f"save {script}")
    assert script.read_text().splitlines()[1:] == ["stand 30 .", "goto 3"]
    other.write_text("import torch\n")
    with pytest.raises(UsageError, match="no dgmtui script"):
        REGISTRY.run(session, f"save {other}")
    assert other.read_text() == "import torch\n"
    with pytest.raises(UsageError, match="can't write"):
        REGISTRY.run(session, f"save {tmp_path / 'nowhere' / 'a.dgm'}")


@pytest.mark.parametrize("line", ["save {}/a.dgm", "export {}/findings.csv"])
def test_a_full_disk_takes_nothing_of_what_is_there(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    line = line.format(tmp_path)
    run(session, line)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()

    def full(path: Path, text: str, **_: Any) -> int:
        path.write_bytes(text.encode()[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match="No space left"):
        REGISTRY.run(session, line)
    assert list(tmp_path.iterdir()) == [file] and file.read_bytes() == before


def test_source_names_the_line_that_fails(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "a.dgm"
    file.write_text("# a comment\n\ngoto 3\nfingings\ngoto 5\n")
    with pytest.raises(UsageError, match=r"a\.dgm:4: no command 'fingings'.*\(1 command before it ran and stands") as e:
        REGISTRY.run(session, f"source {file}")
    assert (e.value.line, e.value.at) == ("fingings", (0, 8))
    assert session.iteration == 3 and session.history == ["goto 3"]
    with pytest.raises(UsageError, match="can't read the script"):
        REGISTRY.run(session, f"source {tmp_path / 'none.dgm'}")


def test_a_script_that_runs_itself_is_stopped(session: Session, tmp_path: Path) -> None:
    first, second = tmp_path / "a.dgm", tmp_path / "b.dgm"
    first.write_text(f"source {second}\n")
    second.write_text(f"source {first}\n")
    with pytest.raises(UsageError, match="runs itself"):
        REGISTRY.run(session, f"source {first}")
    assert session.sourcing == ()


def test_a_recording_without_failure_answers_too(make_recording: Any) -> None:
    with open_recording(make_recording(fails=False)) as recording:
        session = Session(recording)
        with pytest.raises(UsageError, match="no non-finite value is recorded"):
            REGISTRY.run(session, "first-nonfinite")
        assert session.target == "loss"
        with pytest.raises(DgmtuiError):
            REGISTRY.run(session, "credit nonfinite")


def test_a_sample_beyond_the_batch_is_refused_with_its_size(session: Session) -> None:
    size = run(session, "print input:x")["shape"][0]
    run(session, f"sample {size - 1}")
    with pytest.raises(UsageError, match=rf"rows 0 to {size - 1}; not {size}"):
        REGISTRY.run(session, f"sample {size}")


@pytest.mark.parametrize("epsilon", ["nan", "inf", "0", "-1e-6"])
def test_an_epsilon_that_divides_nothing_is_refused(session: Session, epsilon: str) -> None:
    with pytest.raises(UsageError, match="above zero"):
        REGISTRY.run(session, f"credit --epsilon {epsilon} nonfinite")


def test_a_module_that_is_not_there_is_told_with_those_that_are(session: Session) -> None:
    with pytest.raises(UsageError) as caught:
        REGISTRY.run(session, "module nope")
    assert "''" not in str(caught.value) and not str(caught.value).endswith("?.")


def test_an_endless_line_is_refused_and_not_echoed(session: Session) -> None:
    with pytest.raises(UsageError) as caught:
        REGISTRY.run(session, "x" * 100_000)
    assert len(str(caught.value)) < 100


def test_a_number_too_large_is_said_in_words(session: Session) -> None:
    with pytest.raises(UsageError, match="the number is too large"):
        REGISTRY.run(session, "print 2**9999999")


def test_explaining_a_training_without_findings_answers(make_recording: Any) -> None:
    with open_recording(make_recording(fails=False)) as recording:
        answer = run(Session(recording), "explain")
    assert answer["finding"] is None and answer["evidence"] == []
