"""What was logged beside the loss: listed, charted, compared."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Chart
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.model import End, ModuleInfo, RunInfo
from dgmtui.recording.writer import RecordingWriter
from dgmtui.render.json import to_json
from dgmtui.session.session import Session
from tests.answers import run

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
LOSSES = np.array([4.0, 3.0, np.nan, 2.0, 1.0, 5.0])
ACCURACY = np.array([np.nan, 0.5, np.nan, 0.75, np.nan, 0.25])


@pytest.fixture
def logged(tmp_path: Path) -> Callable[..., Session]:
    """``logged(name, accuracy)``: a recording of six iterations with a scalar that not each of them has."""

    def make(name: str, accuracy: np.ndarray = ACCURACY) -> Session:
        writer = RecordingWriter(tmp_path / f"{name}.h5", INFO)
        writer.begin([ModuleInfo("", "Net", None)], [], ("accuracy",))
        for i, (loss, value) in enumerate(zip(LOSSES, accuracy, strict=True)):
            writer.add_iteration(i, float(loss), 0.1, {} if np.isnan(value) else {"accuracy": float(value)})
        writer.close(End("finished", len(LOSSES) - 1, ""))
        return Session(open_recording(tmp_path / f"{name}.h5"), thorough=True)

    return make


def test_all_are_listed_with_their_extremes(logged: Callable[..., Session]) -> None:
    loss, accuracy = run(logged("a"), "scalars")["scalars"]
    assert (loss["name"], loss["count"], loss["least"], loss["least_at"], loss["nonfinite"]) == ("loss", 6, 1.0, 4, 1)
    expected = {"count": 3, "first": 0.5, "greatest": 0.75, "greatest_at": 3, "last": 0.25, "nonfinite": 0}
    assert expected.items() <= accuracy.items()


def test_a_chart_holds_the_last_number_and_the_data_only_what_was_logged(logged: Callable[..., Session]) -> None:
    session = logged("a")
    answer = run(session, "scalars accuracy loss")
    assert answer["iterations"] == [0, 1, 2, 3, 4, 5]
    assert answer["values"] == [[None, 0.5, None, 0.75, None, 0.25], [4.0, 3.0, "nan", 2.0, 1.0, 5.0]]
    chart = REGISTRY.run(session, "scalars accuracy loss").blocks[0]
    assert isinstance(chart, Chart)
    assert np.array_equal(chart.lines[0].values, np.float32([np.nan, 0.5, 0.5, 0.75, 0.75, 0.25]), equal_nan=True)
    assert np.isnan(chart.lines[1].values[2])
    assert run(session, "scalars accuracy")["iterations"] == [1, 3, 5]


def test_what_was_not_logged_is_refused_and_the_prompt_completes(logged: Callable[..., Session]) -> None:
    session = logged("a")
    with pytest.raises(UsageError, match="no scalar 'acuracy' was logged; there are loss, accuracy"):
        REGISTRY.run(session, "scalars acuracy")
    with pytest.raises(UsageError, match="at most 8"):
        REGISTRY.run(session, "scalars" + " loss" * 9)


def test_compare_lays_them_beside_each_other(logged: Callable[..., Session], tmp_path: Path) -> None:
    session, other = logged("a"), logged("b", 2 * ACCURACY)
    other.recording.close()
    made = REGISTRY.run(session, f"compare {tmp_path / 'b.h5'}")
    told = [each["scalars"]["accuracy"]["last"] for each in json.loads(to_json(made))["recordings"]]
    assert told == [0.25, 0.5]
    assert any("scalar" in getattr(block, "columns", ()) for block in made.blocks)
    run(session, "compare off")


def test_the_loss_is_drawn_in_another_scale_and_with_scalars(logged: Callable[..., Session]) -> None:
    session = logged("a")
    assert [run(session, "loss --scale next")["scale"] for _ in range(4)] == ["linear", "log", "symlog", "auto"]
    run(session, "goto 4")
    answer = run(session, "loss accuracy --scale log")
    assert answer["value"] == 1.0 and answer["beside"] == [{"name": "accuracy", "value": 0.75}]
    view = session.view().loss
    assert (view.scale, view.here, [(s.name, s.here) for s in view.scalars]) == ("log", 1.0, [("accuracy", 0.75)])
    assert np.array_equal(view.scalars[0].values, [np.nan, 0.5, 0.5, 0.75, 0.75, 0.25], equal_nan=True)
    run(session, "goto 0")
    assert run(session, "loss")["beside"] == [{"name": "accuracy", "value": None}]
    assert run(session, "loss --alone") == {
        "command": "loss", "scale": "log", "iteration": 0, "value": 4.0, "beside": [],
    }  # fmt: skip
    for line, said in (("loss nope", "no scalar 'nope'"), ("loss" + " accuracy" * 4, "at most 3")):
        with pytest.raises(UsageError, match=said):
            REGISTRY.run(session, line)
    assert session.view().loss.scalars == ()
