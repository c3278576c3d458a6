"""``replay --dtype``: precision or mathematics?"""

from typing import Any

import numpy as np
import pytest

from dgmtui.session.session import Session
from tests.answers import run

LAST = 30


def linear(session: Session) -> "np.ndarray[Any, Any]":
    """What ``enc`` gives, in float64, from what the recording holds."""
    feeds = session.results.replay(session.needed_snapshot()).replay.feeds
    weight, bias, x = (feeds[name].double().numpy() for name in ("param:enc.weight", "param:enc.bias", "input:x"))
    return np.asarray(x @ weight.T + bias)


def test_what_float64_can_hold_was_precision(session: Session) -> None:
    run(session, f"goto {LAST}")
    said = run(session, "replay --dtype float64")
    exact = np.exp(linear(session))
    assert said["loss"] == pytest.approx(exact.mean()) and said["births"] == []
    beside = said["beside"]
    assert beside.keys() == {
        "dtype", "loss", "births", "conclusion", "value", "limit", "sentence", "modules", "lost_at"
    }  # fmt: skip
    assert (beside["dtype"], beside["loss"], beside["conclusion"]) == ("float32", "inf", "precision")
    assert beside["value"] == pytest.approx(exact.max()) and beside["limit"] == np.finfo(np.float32).max
    assert (
        beside["sentence"] == "in float64 it is finite: 3.9e+69 (aten.exp at train.py:12) left float32's range, 3.4e+38"
    )
    assert beside["births"][0]["op"] == "aten.exp" and beside["modules"] is None


def test_what_no_dtype_can_hold_is_mathematics(session: Session) -> None:
    run(session, f"goto {LAST}")
    run(session, "set input[0][2] = 1e200 / 1e-200")
    beside = run(session, "replay --dtype float64")["beside"]
    assert (beside["conclusion"], beside["value"], beside["limit"]) == ("mathematics", None, None)
    assert beside["sentence"].startswith("non-finite in float64 too")


def test_a_coarser_dtype_overflows_where_the_recorded_one_does_not(session: Session) -> None:
    run(session, "goto 16")
    assert run(session, "replay --dtype float16")["beside"]["conclusion"] == "finite"
    run(session, "scale enc 4")
    said = run(session, "replay --dtype float16")
    beside = said["beside"]
    exact = np.exp(4 * linear(session)).max()
    assert beside["conclusion"] == "precision" and beside["value"] == pytest.approx(exact, rel=1e-5)
    assert beside["limit"] == 65504 and beside["births"] == [] and said["births"]
    assert beside["sentence"].startswith("in float16 it is not finite: ")


def test_every_module_stands_beside_itself(session: Session) -> None:
    run(session, f"goto {LAST}")
    beside = run(session, "replay --beside")["beside"]
    assert [row["module"] for row in beside["modules"]] == ["enc", ""]
    enc, root = beside["modules"]
    assert enc["own"]["max"] == pytest.approx(160.25) and enc["difference"] < 1e-6
    assert (root["own"]["nonfinite"], root["other"]["nonfinite"], beside["lost_at"]) == (1, 0, "")
    coarse = run(session, "replay --dtype bfloat16 --beside")["beside"]["modules"][0]
    assert 1e-4 < coarse["difference"] < 2**-7
    assert coarse["own"]["max"] == pytest.approx(linear(session).max(), rel=1e-6)


def test_a_plain_replay_has_nothing_beside_it(session: Session) -> None:
    assert run(session, "replay")["beside"] is None and run(session, "replay --to 1")["beside"] is None
