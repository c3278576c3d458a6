"""The settings of a recording: what is refused, and that each way to record hands all of them on."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.errors import RecordingError, UsageError
from dgmtui.recorder.callbacks import TrainerRecorder
from dgmtui.recorder.launch import run_script
from dgmtui.recorder.options import Options, Settings
from dgmtui.recording import open_recording

Recorded = Callable[..., Any]


def train(path: Path, fails_at: int = -1, **settings: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with dgmtui.Recorder(path, model, optimizer, **settings):
        for i in range(12):
            loss = model(torch.randn(8, 5)).square().mean() * (float("nan") if i == fails_at else 1.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"every": 0}, "every has to be a whole number from 1, not 0"),
        ({"every": 2.5}, "every has to be a whole number from 1, not 2.5"),
        ({"elements": -1}, "elements has to be a whole number from 0, not -1"),
        ({"last": -1}, "last has to be a whole number from 0, not -1"),
        ({"on_nonfinite": "ask"}, "on_nonfinite has to be 'stop', 'continue' or 'debug', not 'ask'"),
        ({"on_exception": "continue"}, "on_exception has to be 'stop' or 'debug', not 'continue'"),
        ({"max_size": "2 apples"}, "'2 apples' is no size"),
        ({"only": ["enc:colour"]}, "'enc:colour' names no quantity"),
        ({"without": "enc"}, r"without has to be a list of patterns, as \['enc'\], not 'enc'"),
    ],
)
@pytest.mark.parametrize("way", [train, TrainerRecorder])
def test_what_a_setting_cannot_be_is_said_before_anything_is_made(
    way: Recorded, settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        way(tmp_path / "run.h5", **settings)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_setting_that_does_not_exist_is_a_type_error(tmp_path: Path) -> None:
    for way in (train, TrainerRecorder, run_script):
        with pytest.raises(TypeError, match="unexpected keyword argument 'evry'"):
            way(tmp_path / "run.h5", evry=3)
    assert not list(tmp_path.iterdir())


def test_editors_are_shown_the_options_there_are() -> None:
    assert Settings.__annotations__ == {one.name: one.type for one in fields(Options) if one.init}


@pytest.mark.parametrize("fails_at", [-1, 7])
def test_a_recorder_compacts_what_it_has_closed(
    fails_at: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.h5"
    train(path, fails_at, compress=True)
    assert f"{path}: " in capsys.readouterr().err
    with open_recording(path) as recording:
        assert recording.rounding
        assert recording.iteration_count == (12 if fails_at < 0 else fails_at + 1)


@pytest.mark.parametrize("error", [RecordingError("the disk is full"), ZeroDivisionError("ours"), KeyboardInterrupt()])
def test_that_it_cannot_be_compacted_is_said_and_fails_nothing(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> None:
        raise error

    monkeypatch.setattr("dgmtui.recorder.finishing.compact", refuse)
    train(tmp_path / "run.h5", compress=True)
    assert capsys.readouterr().err.count("was not compacted") == 1
    with open_recording(tmp_path / "run.h5") as recording:
        assert not recording.rounding
        assert recording.iteration_count == 12


def test_a_recorder_that_saw_nothing_has_nothing_to_compact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with dgmtui.Recorder(tmp_path / "run.h5", nn.Linear(2, 2), compress=True):
        pass
    assert not capsys.readouterr().err and not list(tmp_path.iterdir())
