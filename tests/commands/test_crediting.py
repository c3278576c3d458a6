"""Targets, groups and comparisons through the commands, on the small recording that fails at iteration 30."""

from dataclasses import replace

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import DgmtuiError, ReplayError, UsageError
from dgmtui.recording.model import Match, Verdict
from dgmtui.session.session import Session
from tests.answers import run
from tests.conftest import BIAS, WEIGHT, inputs_at, outputs_at


def told(session: Session, line: str) -> str:
    return str(REGISTRY.run(session, line).blocks)


def test_the_cause_of_the_failure_stands_beside_its_unit_in_the_healthy_batch(session: Session) -> None:
    assert run(session, "against")["iteration"] == 16
    said = run(session, "credit nonfinite")
    assert (said["against"], said["target"]["name"]) == (16, "enc[1]@2")
    assert "the mean of its 4 samples" in said["against_note"]
    then = inputs_at(16).mean(axis=0) * WEIGHT[1]
    rows = {row["unit"]: row for row in said["inputs"]}
    for unit, amount in enumerate(then):
        assert rows[unit]["then"] == pytest.approx(float(amount), rel=1e-4)
        assert rows[unit]["difference"] == pytest.approx(20 * float(WEIGHT[1, unit]) - float(amount), rel=1e-4)
    assert [rows[unit]["rank"] for unit in (1, 0)] == [1, 2]


def test_against_is_part_of_the_session_and_ends(session: Session) -> None:
    run(session, "credit nonfinite")
    assert "enc[1]" in run(session, "against 16")["target"]
    assert session.results.crediting.shown is not None and session.results.crediting.shown.against is not None
    view = session.view().credit
    assert view is not None and view.against == 16 and any(row.rank == 1 for row in view.rows)
    assert run(session, "against off")["iteration"] is None
    assert {row["then"] for row in run(session, "credit nonfinite")["rows"]} == {None}
    assert session.history[-2:] == ["against off", "credit nonfinite"]


def test_sorted_by_difference(session: Session) -> None:
    with pytest.raises(UsageError, match="type `against` first"):
        REGISTRY.run(session, "credit enc --sort difference")
    run(session, "goto 16")
    run(session, "against 0")
    rows = run(session, "credit loss --by unit --sort difference --top 0")["rows"]
    sizes = [abs(row["difference"]) for row in rows if row["forward"] is not None and row["difference"] is not None]
    assert sizes == sorted(sizes, reverse=True) and sizes


def test_a_batch_wide_sum_is_not_scaled_where_batches_are_as_large(session: Session) -> None:
    run(session, "goto 16")
    run(session, "against 0")
    said = run(session, "credit enc[0]")
    assert said["target"]["value"] == pytest.approx(float(outputs_at(16)[:, 0].sum()), rel=1e-5)
    for row in said["inputs"]:
        wanted = inputs_at(0)[:, row["unit"]].sum() * WEIGHT[0, row["unit"]]
        assert row["then"] == pytest.approx(float(wanted), rel=1e-4)


def test_what_can_not_be_compared_is_said(session: Session) -> None:
    run(session, "goto 16")
    run(session, "against 16")
    assert run(session, "credit enc")["against_note"] == "this is the snapshot that is compared with"
    run(session, "goto 0")
    with pytest.raises(UsageError, match="no healthy snapshot before 0; name one: there are 0, 16, 30"):
        REGISTRY.run(session, "against")
    run(session, "against 30")
    said = run(session, "credit loss")
    assert "nothing to compare with at iteration 30: loss is not finite" in said["against_note"]
    assert {row["then"] for row in said["rows"]} == {None}


def test_a_parameters_gradient_is_told_by_sample(session: Session) -> None:
    run(session, "goto 16")
    said = run(session, "credit grad:enc.weight[1,0] --by sample --top 0")
    x, y = inputs_at(16).astype(float), outputs_at(16).astype(float)
    each = np.exp(y[:, 1]) * x[:, 0] / y.size
    rows = {row["sample"]: row["backward"] for row in said["rows"] if row["module"] == "enc"}
    assert [rows[i] for i in range(4)] == pytest.approx(each.tolist(), rel=1e-4)
    assert said["target"]["value"] == pytest.approx(float(each.sum()), rel=1e-4)
    assert (said["target"]["module"], said["target"]["unit"]) == ("enc", 1)


def test_groups_and_elements(session: Session) -> None:
    run(session, "goto 16")
    said = run(session, "credit enc[0,2]@1,3")
    assert said["target"]["value"] == pytest.approx(float(outputs_at(16)[[1, 3]][:, [0, 2]].sum()), rel=1e-5)
    assert (said["target"]["units"], said["target"]["samples"]) == ([0, 2], [1, 3])
    assert run(session, "credit node:1[3,2]")["target"]["name"] == "node:1[2]@3"
    samples = run(session, "credit enc[0] --by sample --top 0")["inputs"]
    wanted = inputs_at(16) @ WEIGHT[0]
    assert {row["sample"]: row["forward"] for row in samples} == pytest.approx(dict(enumerate(wanted)), rel=1e-4)
    assert BIAS[0] * 4 == pytest.approx(run(session, "credit enc[0]")["conserved"]["bias"], rel=1e-4)


@pytest.mark.parametrize(
    "target",
    "nope enc[3] enc[0]@4 enc[0]@1[2] enc:1 node:9 loss:0 grad:enc enc[ enc[x] enc@ grad:".split(),
)
def test_a_target_that_does_not_exist_is_one_sentence_and_leaves_the_session(session: Session, target: str) -> None:
    run(session, "goto 16")
    before = run(session, "where")
    with pytest.raises(DgmtuiError) as caught:
        REGISTRY.run(session, f"credit {target}")
    assert "\n" not in str(caught.value) and 20 < len(str(caught.value)) < 300
    assert run(session, "where") == before
    assert run(session, "credit enc")["rows"] is not None


def test_a_replay_that_differs_is_said(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = Verdict(Match.DIFFERS, Match.MATCHES, "the loss differs from the recorded by 0.1 of its largest value")
    monkeypatch.setattr("dgmtui.trace.verify.verify_elsewhere", lambda *_: verdict)
    run(session, "against 16")
    said = run(session, "credit nonfinite")
    assert "the replay of iteration 30 differs from the training" in said["target"]["note"]
    assert "the replay of iteration 16 differs from the training" in said["against_note"]
    assert "warning" in told(session, "credit nonfinite")


def test_an_operation_that_this_torch_does_not_know(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from dgmtui.trace import loading
    from dgmtui.trace.graph import Graph

    known = Graph.from_json

    def older(text: str) -> Graph:
        found = known(text)
        changed = replace(found.nodes[2], op="aten.gone_since.default")
        return replace(found, nodes=(*found.nodes[:2], changed, *found.nodes[3:]))

    monkeypatch.setattr(Graph, "from_json", staticmethod(older))
    loading._checked.cache_clear()
    with pytest.raises(ReplayError, match=r"has no operation aten.gone_since.default; replay with the version"):
        REGISTRY.run(session, "credit enc")
    assert run(session, "where")["iteration"] == 30


def test_targets_are_completed(session: Session) -> None:
    assert {"credit enc", "credit loss", "credit nonfinite", "credit grad:enc.weight"} <= set(
        REGISTRY.complete(session, "credit ")
    )
    assert REGISTRY.complete(session, "chain grad:enc.b") == ["chain grad:enc.bias"]
