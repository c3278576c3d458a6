"""Accounts: what follows from a finding is told with it, nothing is lost, and no order of the detectors matters."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.findings.case import Case
from dgmtui.findings.causes.alike import gathered
from dgmtui.findings.causes.folding import accounts
from dgmtui.findings.causes.links import Terrain
from dgmtui.findings.causes.order import SEVERITIES
from dgmtui.findings.causes.relations import PRECEDENCE, RELATIONS
from dgmtui.findings.model import Finding, Severity
from dgmtui.findings.thresholds import Thresholds
from dgmtui.recording.model import Quantity

COMMON = settings(max_examples=300)


def finding(kind: str, severity: str = "error", iteration: int = 100, **more: Any) -> Finding:
    message = more.pop("message", f"{kind} of {more.get('module')} is seen at {iteration}.")
    return Finding(kind, Severity(severity), iteration, message, "Do something.", **more)


@pytest.fixture
def case(synthetic: Callable[..., Any]) -> Case:
    """A run of 200 iterations with a loss that doubles each ten, so that growth explains what overflows."""
    recording = synthetic({"a": ("ReLU", 2), "b": ("ReLU", 2)}, 2.0 ** (np.arange(200) / 10))
    return Case(recording, Thresholds())


FINDINGS = st.builds(
    finding,
    st.sampled_from(PRECEDENCE),
    st.sampled_from(["error", "warning", "info"]),
    st.integers(0, 199),
    onset=st.none() | st.integers(0, 199),
    module=st.sampled_from([None, "a", "b"]),
    rank=st.integers(0, 1),
)
LISTS = st.lists(FINDINGS, max_size=8).map(
    lambda found: [f for i, f in enumerate(found) if f.message not in {g.message for g in found[:i]}]
)


@COMMON
@given(LISTS)
def test_nothing_is_lost(case: Case, found: list[Finding]) -> None:
    """Each finding is listed, or its sentence is among the consequences of one that is, and only once."""
    told = accounts(case, found)
    for each in found:
        listed = [one for one in told if one.kind == each.kind and one.message.startswith(each.message)]
        consequences = [s for one in told for s in one.consequences if s.endswith(each.message)]
        assert len(listed) + len(consequences) == 1
        if each.kind == "nonfinite" and each.severity is Severity.ERROR:
            assert listed, "it stays listed"
        if consequences:
            assert any(each.message == item["message"] for one in told for item in one.data.get("followed_by", ()))


@COMMON
@given(LISTS, st.randoms())
def test_the_order_does_not_depend_on_that_of_the_detectors(case: Case, found: list[Finding], random: Any) -> None:
    one_of_a_kind = [
        f for i, f in enumerate(found) if f.kind != "nonfinite" or all(g.kind != f.kind for g in found[:i])
    ]
    shuffled = list(one_of_a_kind)
    random.shuffle(shuffled)
    assert accounts(case, one_of_a_kind) == accounts(case, shuffled)


@COMMON
@given(LISTS)
def test_roots_come_by_severity_and_what_follows_comes_after_its_cause(case: Case, found: list[Finding]) -> None:
    told = accounts(case, found)
    roots = [SEVERITIES.index(one.severity) for one in told if "follows_from" not in one.data]
    assert roots == sorted(roots)
    for place, one in enumerate(told):
        if cause := one.data.get("follows_from"):
            assert any(f.message.startswith(cause["message"]) for f in told[:place])
            assert cause["kind"] in one.message
        assert one.data["order"]
    worst = min((f.severity for f in found), key=SEVERITIES.index, default=None)
    assert not told or told[0].severity is worst, "an account is as bad as the worst that it tells"


def test_every_relation_is_between_kinds_of_the_precedence_and_none_is_of_a_kind_with_itself() -> None:
    for relation in RELATIONS:
        assert {relation.cause, relation.symptom} <= set(PRECEDENCE) and relation.cause != relation.symptom
        assert relation.why.endswith((".", ":"))


def test_the_learning_rate_explains_what_it_did(case: Case) -> None:
    cause = finding("update_too_large", "warning", 10, onset=0)
    dead = finding("dead_units", "error", 190, onset=20, module="a")
    stuck = finding("loss_stuck", "warning", 190, onset=40)
    failed = finding("nonfinite", "error", 190, op="aten.addmm", module="b")
    first, second = accounts(case, [stuck, failed, dead, cause])
    assert (first.kind, first.severity) == ("update_too_large", Severity.ERROR)
    assert dead.message in first.consequences[0] and any(stuck.message in s for s in first.consequences)
    assert any("iteration 190, which is listed" in s for s in first.consequences)
    assert second.kind == "nonfinite" and second.data["follows_from"]["kind"] == "update_too_large"
    assert "It follows from the update_too_large of iteration 0." in second.message
    assert first.data["order"] == (
        "first, because it is an error that no other finding explains and explains 3 others "
        "(dead_units, loss_stuck, nonfinite)."
    )


def test_what_began_later_is_no_cause(case: Case) -> None:
    late = finding("update_too_large", "error", 150, onset=120)
    dead = finding("dead_units", "error", 190, onset=20, module="a")
    assert [f.kind for f in accounts(case, [dead, late])] == ["update_too_large", "dead_units"]


def test_a_failure_that_did_not_grow_is_not_blamed_on_the_steps(synthetic: Callable[..., Any]) -> None:
    calm = Case(synthetic({"a": ("ReLU", 2)}, np.full(200, 1.0)), Thresholds())
    cause = finding("update_too_large", "warning", 10, onset=0)
    failed = finding("nonfinite", "error", 190, op="aten.sqrt")
    first, second = accounts(calm, [cause, failed])
    assert (first.kind, second.kind) == ("nonfinite", "update_too_large") and not first.data.get("follows_from")


def test_a_shape_is_not_blamed_on_what_grew(case: Case) -> None:
    cause = finding("update_too_large", "warning", 10, onset=0)
    failed = finding("nonfinite", "error", 190, op="aten.std", data={"regardless": True})
    assert "follows_from" not in accounts(case, [cause, failed])[0].data


def test_what_was_on_its_way_gives_its_onset_to_the_failure(case: Case) -> None:
    ahead = finding("overflow_ahead", "warning", 180, onset=60, op="aten.exp", module="b")
    other = finding("overflow_ahead", "warning", 180, onset=50, op="aten.cosh", module="b")
    failed = finding("nonfinite", "error", 190, op="aten.exp", module="")
    first, second = accounts(case, [ahead, other, failed])
    assert (first.kind, first.onset) == ("nonfinite", 60)
    assert first.consequences == (f"It was on its way: {ahead.message}",)
    assert second.message == other.message


def test_after_a_failure_what_it_reaches_is_not_news(case: Case) -> None:
    failed = finding("nonfinite", "error", 100, op="aten.sqrt")
    before = finding("dead_units", "warning", 190, onset=20, module="a")
    later = finding("loss_stuck", "error", 190, onset=100)
    told = accounts(case, [later, before, failed])
    assert [f.kind for f in told] == ["nonfinite", "dead_units"] and later.message in told[0].consequences[0]


def test_info_explains_nothing(case: Case) -> None:
    told = accounts(case, [finding("sample_outlier", "info", 50), finding("loss_spike", "warning", 50)])
    assert [f.kind for f in told] == ["loss_spike", "sample_outlier"]


def test_gradient_stops_before_dead_units_and_not_after_them(synthetic: Callable[..., Any], trace: Any) -> None:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    graph = trace(model, lambda net, x: net(x).sum(), x=torch.ones(3, 2))[0]
    recording = synthetic({"1": ("ReLU", 2)}, np.full(50, 1.0), graph=graph.to_json())
    terrain = Terrain(Case(recording, Thresholds()))
    assert terrain.feeds("0", "3") and not terrain.feeds("3", "0")
    dead = finding("dead_units", "warning", 49, onset=5, module="1")
    before = finding("vanishing_gradient", "warning", 49, onset=5, module="0")
    behind = finding("vanishing_gradient", "warning", 49, onset=5, module="4")
    told = accounts(terrain.case, [before, behind, dead])
    assert [f.kind for f in told] == ["dead_units", "vanishing_gradient"]
    assert before.message in told[0].consequences[0] and told[1].module == "4"


def test_layers_of_which_the_same_is_told_are_one_finding() -> None:
    each = [
        finding("vanishing_gradient", "warning", 90, onset=10 + i, module=f"layer.{i}", value=i / 100)
        for i in range(12)
    ]
    worst = finding("vanishing_gradient", "error", 90, onset=40, module="layer.12")
    frozen = finding("parameter_not_updated", "info", 90, module="a", data={"why": "frozen"})
    detached = finding("parameter_not_updated", "error", 90, module="b", data={"why": "detached"})
    for order in itertools.islice(itertools.permutations([*each, worst, frozen, detached]), 3):
        found = gathered(order)
        assert len(found) == 3
        (one,) = [f for f in found if f.kind == "vanishing_gradient"]
        assert (one.module, one.severity) == ("layer.12", Severity.ERROR)
        assert len(one.data["modules"]) == 13 and len(one.data["alike"]) == 12
        assert "So it is in `layer.0` (since 10), `layer.1` (since 11), `layer.2` (since 12), " in one.message
        assert one.message.endswith("`layer.3` (since 13) and 8 more.")


def test_a_dead_layer_stops_the_gradient_whatever_the_rows(synthetic: Callable[..., Any], plain: Any) -> None:
    """Without a trace nothing speaks against it."""
    quiet = synthetic({"a": ("ReLU", 2)}, np.full(30, 1.0), lambda path, quantity, row: plain()
                      if quantity == Quantity.ACTIVATION else None)  # fmt: skip
    dead = finding("dead_units", "warning", 29, onset=5, module="a")
    still = finding("parameter_not_updated", "warning", 29, onset=5, module="b", data={"why": "unknown"})
    (only,) = accounts(Case(quiet, Thresholds()), [still, dead])
    assert only.kind == "dead_units"


def test_what_rounds_to_nothing_follows_from_a_gradient_that_vanishes(case: Case) -> None:
    vanishing = finding("vanishing_gradient", "error", 190, onset=0, module="a")
    still = finding("parameter_not_updated", "error", 190, onset=0, module="a", data={"why": "rounds to nothing"})
    (only,) = accounts(case, [still, vanishing])
    assert only.kind == "vanishing_gradient"
    frozen = replace(still, data={"why": "detached"})
    (only,) = accounts(case, [vanishing, frozen])
    assert only.kind == "parameter_not_updated"


def test_the_logarithm_of_zero_is_not_blamed_on_large_steps(case: Case) -> None:
    steps = finding("update_too_large", "warning", 188, onset=0)
    failed = finding("nonfinite", "error", 190, op="aten.log", value=0.0)
    assert [f.kind for f in accounts(case, [steps, failed])] == ["nonfinite", "update_too_large"]
    overflow = replace(failed, op="aten.exp", value=95.0)
    assert [f.kind for f in accounts(case, [steps, overflow])] == ["update_too_large", "nonfinite"]
