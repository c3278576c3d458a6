"""The exception that ended a training, as a finding."""

from typing import Any

import numpy as np
import pytest

from dgmtui.findings.case import Case
from dgmtui.findings.detectors.exception import exception
from dgmtui.findings.failures.raised import explain_raised
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording.model import RAISED, Event

PLAIN = {"type": "ValueError", "message": "Expected more than 1 value per channel when training", "phase": "forward"}
LABELS = PLAIN | {
    "refused": "labels",
    "limit": 3,
    "count": 1,
    "numbers": [7],
    "first": [2],
    "samples": [2],
    "number": 7,
}


def found(synthetic: Any, data: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    recording = synthetic({"a": ("Linear", 3)}, np.linspace(1, 0.5, 5))
    told = () if data is None else (Event(5, RAISED, "…", data),)
    monkeypatch.setattr(type(recording), "events", lambda self: told)
    return list(exception(Case(recording, DEFAULT)))


def test_labels_out_of_range(synthetic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(synthetic, LABELS, monkeypatch)
    assert (finding.kind, finding.phase, finding.sample, finding.iteration) == ("target_range", "input", 2, 5)
    assert "7" in finding.message and "0 to 2" in finding.message and finding.op == "aten.nll_loss_forward"


def test_another_exception_is_explained(synthetic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = found(synthetic, PLAIN, monkeypatch)
    assert (finding.kind, finding.sample) == ("exception", None)
    assert "ValueError" in finding.message and "drop_last" in finding.advice


def test_nothing_raised_nothing_found(synthetic: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(synthetic, None, monkeypatch) == []


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("mat1 and mat2 shapes cannot be multiplied (4x5 and 3x2)", "shapes"),
        ("element 0 of tensors does not require grad and does not have a grad_fn", "autograd"),
        ("Trying to backward through the graph a second time", "gone"),
        ("something that nobody has a row for", ""),
    ],
)
def test_what_is_said_of_a_message(message: str, word: str) -> None:
    cause = explain_raised(message).cause
    assert word in cause and bool(cause) == bool(word)
