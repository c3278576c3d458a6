"""Edits of recorded iterations: they give what PyTorch gives, can be undone, and are never taken for the training."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dgmtui.commands import REGISTRY
from dgmtui.demos.vae import VAE
from dgmtui.demos.vae_softplus import SoftplusVAE
from dgmtui.errors import DgmtuiError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.trace.tensors import from_stored
from tests.answers import run

SHIPPED = Path(__file__).parents[2] / "recordings"
FAILED_AT, BAD = 2578, 15
ANSWER = {
    "command",
    "edit",
    "iteration",
    "loss",
    "recorded_loss",
    "births",
    "held",
    "edits",
    "note",
    "gone",
    "unverified",
}


def text(session: Session, line: str) -> str:
    """What a person reads."""
    return "\n".join(str(getattr(block, "text", "")) for block in REGISTRY.run(session, line).blocks)


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording, thorough=True)


def in_pytorch(
    session: Session, model: VAE, change: Callable[[Tensor], Tensor] = lambda x: x
) -> tuple[float, dict[str, Tensor]]:
    """The failing iteration in plain PyTorch: its weights, its batch, its noise."""
    snapshot = session.needed_snapshot()
    stored = {name: from_stored(session.recording.tensor(spec)) for name, spec in snapshot.tensors.items()}
    weights = {name.removeprefix("param:"): t for name, t in stored.items() if name.startswith("param:")}
    model.load_state_dict(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn_like", lambda like: stored["draw:7:0"])
        loss = model(change(stored["input:argument0"]))
    loss.backward()
    return float(loss.detach()), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def assert_equal(session: Session, said: Any, truth: tuple[float, dict[str, Tensor]]) -> None:
    loss, gradients = truth
    assert said["loss"] == pytest.approx(loss, rel=1e-6)
    replay = session.results.replay(session.needed_snapshot()).replay
    assert gradients.keys() == {name.removeprefix("param:") for name in replay.gradients}
    for name, gradient in gradients.items():
        scale = float(gradient.abs().max())
        assert float((replay.gradients[f"param:{name}"] - gradient).abs().max()) <= 1e-6 * scale, name


def with_row(bad: int, good: int) -> Callable[[Tensor], Tensor]:
    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[bad] = x[good]
        return x

    return change


def test_another_image_holds_as_in_pytorch(vae: Session) -> None:
    said = run(vae, f"set input[0][{BAD}] = input[0][3]")
    assert set(said) == ANSWER
    assert (said["held"], said["births"], said["recorded_loss"]) == (True, [], "inf")
    assert said["gone"] == [{"kind": "nonfinite", "iteration": FAILED_AT}]
    assert_equal(vae, said, in_pytorch(vae, VAE(), with_row(BAD, 3)))


def test_another_exponential_holds_as_in_pytorch(vae: Session) -> None:
    said = run(vae, "replace exp at xv with softplus + 0.01")
    assert (said["held"], said["births"]) == (True, [])
    assert_equal(vae, said, in_pytorch(vae, SoftplusVAE()))


def test_all_exponentials_of_the_root_as_in_pytorch(vae: Session) -> None:
    said = run(vae, "replace exp at . with softplus + 0.01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "exp", lambda x: torch.nn.functional.softplus(x) + 0.01)
        truth = in_pytorch(vae, VAE())
    assert said["held"]
    assert_equal(vae, said, truth)


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("set input:argument0[15, 8:16] = 0", lambda x: with_part(x, 15, slice(8, 16), 0.0)),
        ("set input[0] /= 2", lambda x: x / 2),
        ("set input[0][15] -= mean(input[0])", lambda x: with_part(x, 15, slice(None), x[15] - x.mean())),
        ("set input[0][-1][0:4] += 1.5", lambda x: with_part(x, 15, slice(0, 4), x[15, 0:4] + 1.5)),
    ],
)
def test_what_is_set_is_what_is_fed(line: str, change: Callable[[Tensor], Tensor], vae: Session) -> None:
    run(vae, "goto 2048")
    assert_equal_at_2048(vae, run(vae, line), change)


def with_part(x: Tensor, row: int, columns: slice, value: Any) -> Tensor:
    x = x.clone()
    x[row, columns] = value
    return x


def assert_equal_at_2048(session: Session, said: Any, change: Callable[[Tensor], Tensor]) -> None:
    assert said["iteration"] == 2048
    assert_equal(session, said, in_pytorch(session, VAE(), change))


def test_a_parameter_is_changed_in_either_spelling(vae: Session) -> None:
    spelled = [run(vae, line)["loss"] for line in ("set param xv.weight *= 0.5", "undo")]
    again = run(vae, "set param:xv.weight *= 0.5")
    assert spelled[0] == again["loss"] and again["held"]
    weight = vae.results.replay(vae.needed_snapshot()).replay.feeds["param:xv.weight"]
    recorded = vae.results.replay(vae.needed_snapshot(), edits=()).replay.feeds["param:xv.weight"]
    assert torch.equal(weight, recorded * 0.5)


def test_the_right_side_sees_earlier_edits(vae: Session) -> None:
    run(vae, "set input[0][0] = 1")
    run(vae, "set input[0][1] = input[0][0] + 1")
    assert run(vae, "print min(input[0][1])")["min"] == run(vae, "print max(input[0][1])")["max"] == 2


def test_everything_that_looks_at_the_iteration_sees_the_edit(vae: Session) -> None:
    before = run(vae, "replay")
    assert before["verdict"] in ("replay matches", "replay agrees")
    run(vae, "replace exp at xv with softplus + 0.01")
    replayed = run(vae, "replay")
    assert replayed["verdict"] == "edited (1 edit): not compared with the training"
    assert (replayed["forward"], replayed["gradient"], replayed["births"]) == (None, None, [])
    nodes = run(vae, "nodes")
    assert len(nodes["nodes"]) == 38 and not any(row["born"] or row["nonfinite"] for row in nodes["nodes"])
    assert [row["op"] for row in nodes["nodes"]][20:22] == ["aten.softplus", "aten.add"]
    assert run(vae, "replay --to 21")["node"]["op"] == "aten.add"
    assert run(vae, "print min(node:21)")["min"] >= 0.01
    assert run(vae, "credit")["target"]["value"] != "inf"
    assert any(row["backward"] for row in run(vae, "credit xv[16] --top 0")["rows"])
    assert run(vae, "chain xv[16]")["links"]
    view = vae.view()
    assert view.verdict == "edited (1 edit)" and not any(row.nonfinite for row in view.operations)
    run(vae, "undo")
    assert vae.view().verdict == before["verdict"] and run(vae, "replay")["births"] == before["births"]


def test_people_are_told_that_it_is_edited(vae: Session) -> None:
    run(vae, "goto first-nonfinite")
    assert vae.view().phase == "forward" and "target: nonfinite" in text(vae, "where")
    run(vae, "drop sample 3")
    assert (vae.view().phase, vae.sample) == ("forward", None), "it still fails, and rows have other numbers now"
    run(vae, "undo")
    run(vae, "clamp xv -inf 80")
    assert vae.view().phase is None and vae.phase == "forward", "nothing is non-finite here any more"
    for line in ("nodes", "print loss", "credit", "chain xv", "replay --to 20"):
        assert "as edited (1 edit)" in text(vae, line), line
    assert "iteration 2,578 edited (1 edit) in float64: loss" in text(vae, "replay --dtype float64")
    where = text(vae, "where")
    assert "edited (1 edit): clamp xv -inf 80" in where and "row 1070" not in where.split("\n")[2]
    assert "target: nonfinite" not in where


def test_findings_are_those_of_the_recording(vae: Session) -> None:
    run(vae, "set input[0][15] = input[0][3]")
    found = run(vae, "findings")["findings"]
    explained = run(vae, "explain")
    with open_recording(SHIPPED / "vae.h5") as recording:
        untouched = Session(recording, thorough=True)
        assert found == run(untouched, "findings")["findings"]
        assert explained["chain"] == run(untouched, "explain")["chain"] is not None


def test_a_value_that_an_edit_put_in_is_not_said_to_have_come_in(vae: Session) -> None:
    run(vae, "goto 2048")
    said = run(vae, "set param:xv.bias[3] = 1 / (loss - loss)")
    assert not said["held"]
    birth = said["births"][0]
    assert (birth["phase"], birth["what"], birth["unit"]) == ("edit", "inf", 3)


def test_other_iterations_are_as_recorded(vae: Session) -> None:
    run(vae, "set input[0][15] = input[0][3]")
    run(vae, "goto 2048")
    assert run(vae, "edits")["edits"] == []
    assert run(vae, "replay")["verdict"] in ("replay matches", "replay agrees")
    assert run(vae, "goto 2578") and run(vae, "edits")["edits"] == ["set input[0][15] = input[0][3]"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set input:y[0] = 1", "set: no 'input:y' in this iteration; there are: x"),
        ("set input[1] = 1", "set: no input[1] in this iteration; there are: x"),
        ("set input:x[9] = 1", "set: input:x of shape 4×2 has no such part"),
        ("set input:x[0] = param:enc.weight", "set: a value of shape 3×2 does not fit into input:x, of which 2 is set"),
        ("set param:nowhere = 1", "set: no 'param:nowhere' in this iteration; there are: enc.weight, enc.bias"),
        ("set enc[0] = 1", "set: enc[0] is computed in the iteration; what can be set is input:NAME, param:PATH"),
        ("set input:x", "set: 'input:x' sets nothing; try"),
        ("set input:x[loss] = 1", "set: an index is a whole number or a slice"),
        ("set input:x = nonsense(1)", "set: 'nonsense' is no function (`help print` lists them): ▸nonsense(1)"),
        ("set input:x = 'text'", "set: an expression is made of tensors, numbers"),
        ("set", "set: it needs CHANGE"),
        ("replace exp with", "replace: it takes OP at MODULE with OP"),
        ("replace exp with softplus +", "replace: 'softplus +' is no operation with a number times and a number added"),
        ("replace exp with addmm", "replace: 'addmm' can't be put in; what can is abs"),
        ("replace relu with tanh", "replace: no relu runs; what can be replaced there: exp"),
        ("replace exp at dec with tanh", "replace: no module 'dec' was called in this iteration; there are: enc"),
        ("clamp enc 2 1", "clamp: bounds go from the lower to the higher; not from 2 to 1"),
        ("clamp nowhere 0 1", "clamp: nowhere gave out no tensor in this iteration; these did: enc"),
        ("scale enc[3] 1", "scale: enc has units 0 to 2; not 3"),
        ("scale enc@1 1", "scale: 'enc@1' is no MODULE, MODULE[UNIT] or node:ID"),
        ("scale node:9 1", "scale: no node 9; there are 0 to 3, `nodes` lists them"),
        ("drop sample 4", "drop: the batch has rows 0 to 3; not 4"),
        ("drop sample -1", "drop: samples are rows of the batch, from 0"),
        ("undo", "undo: no edit stands at iteration 30; nothing to undo"),
        ("redo", "redo: nothing was undone at iteration 30, or another edit was made since"),
    ],
)
def test_what_can_not_be_done_is_said_and_leaves_the_session_as_it_was(line: str, said: str, session: Session) -> None:
    before = run(session, "replay")
    history = list(session.history)
    with pytest.raises(DgmtuiError) as raised:
        REGISTRY.run(session, line)
    assert str(raised.value).startswith(said)
    assert session.history == history
    assert run(session, "edits")["edits"] == [] and run(session, "replay") == before


def test_an_edit_that_does_not_help_says_where_the_value_went(session: Session) -> None:
    said = text(session, "set input[0][0] = input[0][1]")
    assert "edited (1 edit): not compared with the training; loss inf (recorded inf)" in said
    assert "inf is born in forward: aten.exp, unit 1, sample 2 at train.py:12" in said
    held = text(session, "set input[0][2] = input[0][1]")
    assert "everything is finite, forward and backward; the finding `nonfinite` at 30 would be gone" in held
    assert "undone: set input[0][2] = input[0][1]" in text(session, "undo")


DOES = (
    "set input[0][2] = input[0][1]",
    "set param:enc.weight *= 0.5",
    "replace exp at . with softplus + 0.01",
    "clamp enc -5 5",
    "scale enc[1] 0.25",
    "drop sample 2",
)


@settings(max_examples=25)
@given(st.lists(st.sampled_from((*DOES, "undo", "redo", "undo", "redo", "edits --clear")), max_size=8))
def test_any_sequence_is_as_good_as_what_stands_after_it(small_recording: Path, lines: list[str]) -> None:
    standing: list[str] = []
    undone: list[str] = []
    with open_recording(small_recording) as recording:
        session, fresh = Session(recording), Session(recording)
        for line in lines:
            try:
                REGISTRY.run(session, line)
            except DgmtuiError:
                assert (line == "undo" and not standing) or (line == "redo" and not undone) or line in DOES
                continue
            if line == "undo":
                undone.append(standing.pop())
            elif line == "redo":
                standing.append(undone.pop())
            elif line == "edits --clear":
                undone += reversed(standing)
                standing = []
            else:
                standing.append(line)
                undone = []
        assert run(session, "edits")["edits"] == standing
        for line in standing:
            REGISTRY.run(fresh, line)
        for asked in ("replay", "nodes", "print loss", "print param:enc.weight"):
            assert run(session, asked) == run(fresh, asked)


def test_a_saved_session_makes_its_edits_again(session: Session, small_recording: Path, tmp_path: Path) -> None:
    for line in (*DOES[:3], "undo", "scale enc[1] 0.25"):
        REGISTRY.run(session, line)
    run(session, f"save {tmp_path / 'kept.dgm'}")
    with open_recording(small_recording) as recording:
        again = Session(recording)
        run(again, f"source {tmp_path / 'kept.dgm'}")
        assert run(again, "edits") == run(session, "edits") and run(again, "replay") == run(session, "replay")


def test_an_edited_iteration_in_another_dtype(vae: Session) -> None:
    single = run(vae, "drop sample 15")["loss"]
    double = run(vae, "replay --dtype float64")
    assert double["births"] == [] and double["loss"] == pytest.approx(single, rel=1e-5)
