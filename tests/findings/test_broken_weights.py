"""What a failing snapshot knows of weights that were broken before its iteration began."""

from typing import Any

import pytest

from dgmtui.findings.updates.broken_weights import account_of
from dgmtui.recording.model import Match, SnapshotInfo, TensorSpec, Verdict

BROKEN = {"finite": False, "iteration": 6, "optimizer": "Adam", "settings": {"lr": 1e-3, "eps": 1e-8}}


def failing(after_step: dict[str, Any], *, iteration: int = 7, dtype: str = "float32") -> SnapshotInfo:
    verdict = Verdict(Match.MATCHES, Match.MATCHES, "")
    tensors = {"param:a.weight": TensorSpec(dtype, (2, 2), 0, 16)}
    return SnapshotInfo(
        iteration,
        "",
        "failing",
        0,
        float("nan"),
        verdict,
        tensors,
        extra={"after_step": after_step} if after_step else {},
    )


@pytest.mark.parametrize(
    ("after_step", "dtype", "phase", "iteration", "said"),
    [
        ({"finite": True}, "float32", "edit", 7, "the code changed it between two iterations"),
        (BROKEN, "float32", "update", 6, "though loss and gradients were finite"),
        (BROKEN, "float16", "update", 6, "its epsilon of 1e-08 is 0 in float16"),
        (BROKEN | {"settings": {"lr": "nan"}}, "float32", "update", 6, "the learning rate was nan"),
        ({}, "float32", "update", 6, "already held"),
    ],
)
def test_a_step_or_the_code(after_step: dict[str, Any], dtype: str, phase: str, iteration: int, said: str) -> None:
    account = account_of(failing(after_step, dtype=dtype), "param:a.weight")
    assert (account.phase, account.iteration) == (phase, iteration)
    assert said in account.cause


def test_half_precision_with_an_epsilon_that_it_holds_is_not_blamed() -> None:
    told = BROKEN | {"settings": {"lr": 1e-3, "eps": 1e-4}}
    assert "epsilon" not in account_of(failing(told, dtype="float16"), "param:a.weight").cause


def test_weights_that_were_so_from_the_start_are_no_steps_doing() -> None:
    account = account_of(failing({}, iteration=0), "param:a.weight")
    assert (account.phase, account.iteration) == ("edit", 0)
