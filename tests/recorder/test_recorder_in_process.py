"""The engine within this process: what it leaves behind, what it must not keep, what it survives."""

import gc
import weakref
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import optimizer as optimizer_hooks
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack
from torch.utils.data import dataloader

import dgmtui
from dgmtui.recorder.engine import Engine
from dgmtui.recorder.frames import Variable, dataset_index, find_variable, read_variable
from dgmtui.recorder.naming import Names
from dgmtui.recorder.outputs import Outputs
from dgmtui.recording import open_recording


def train(recorder: Any, iterations: int = 12, poison: int = -1) -> list[float]:
    torch.manual_seed(0)
    x, y = torch.randn(16, 5), torch.randn(16, 1)
    model = recorder_model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for i in range(iterations):
        batch = torch.full_like(x, float("nan")) if i == poison else x
        with recorder.iteration(batch, y):
            loss = F.mse_loss(model(batch), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        recorder.log(twice=2 * losses[-1])
    return losses


recorder_model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))


@pytest.fixture(autouse=True)
def fresh_model() -> None:
    torch.manual_seed(1)
    for layer in (recorder_model[0], recorder_model[2]):
        layer.reset_parameters()


def test_the_api_records_what_the_loop_did(tmp_path: Path) -> None:
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model, every=3) as recorder:
        losses = train(recorder)
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.losses().tolist() == losses
        assert recording.scalar("twice").tolist() == [2 * loss for loss in losses]
        assert recording.rows.tolist() == [0, 3, 6, 9]
        channel = recording.channel("0", "weight")
        assert recording.series(channel).shape == (4, 7)


def test_series_are_what_their_definition_says(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    handle = recorder_model[0].register_forward_hook(lambda m, i, o: seen.append(o.detach().clone()))
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model, every=1) as recorder:
        train(recorder, 3)
    handle.remove()
    with open_recording(tmp_path / "run.h5") as recording:
        channel = recording.channel("0", "activation")
        mean, rms = recording.series(channel, "mean")[2], recording.series(channel, "rms")[2]
        np.testing.assert_allclose(mean, seen[2].double().mean(0), rtol=1e-5)
        np.testing.assert_allclose(rms, seen[2].double().pow(2).mean(0).sqrt(), rtol=1e-5)
        statistics = recording.statistics(channel)[2]
        assert statistics[0] == seen[2].min() and statistics[1] == seen[2].max()


def test_a_stop_leaves_the_block_and_tells_where(tmp_path: Path) -> None:
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model) as recorder:
        train(recorder, poison=7)
    assert recorder.stopped_at == 7
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.end is not None and recording.end.reason == "nonfinite"
        assert recording.snapshots[-1].iteration == 7


def test_torch_is_as_it_was_afterwards(tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        hooks = torch.nn.modules.module
        return (
            torch.autograd.backward,
            torch.optim.Optimizer.__init__,
            torch.amp.GradScaler.scale,
            torch.amp.GradScaler.step,
            dataloader._BaseDataLoaderIter._next_index,
            len(hooks._global_forward_hooks),
            len(hooks._global_forward_pre_hooks),
            bool(hooks._has_any_global_hook()),
            len(optimizer_hooks._global_optimizer_pre_hooks),
            len(optimizer_hooks._global_optimizer_post_hooks),
        )

    before = state()
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model) as recorder:
        assert state() != before
        train(recorder)
    assert state() == before


def test_the_generator_is_where_it_would_have_been(tmp_path: Path) -> None:
    class Unrecorded:
        def iteration(self, *batch: object) -> Any:
            return torch.enable_grad()

        def log(self, **scalars: float) -> None: ...

    alone = train(Unrecorded()), torch.get_rng_state()
    for layer in (recorder_model[0], recorder_model[2]):
        torch.manual_seed(1) if layer is recorder_model[0] else None
        layer.reset_parameters()
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model) as recorder:
        recorded = train(recorder), torch.get_rng_state()
    assert alone[0] == recorded[0] and torch.equal(alone[1], recorded[1])


def test_an_error_of_ours_never_reaches_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk on fire")

    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model) as recorder:
        monkeypatch.setattr(Outputs, "see", fail)
        losses = train(recorder)
        assert not _get_current_dispatch_mode_stack(), "a tracer was left running"
    assert len(losses) == 12
    assert capsys.readouterr().err.count("disk on fire") == 1
    with open_recording(tmp_path / "run.h5") as recording:
        assert [event.kind for event in recording.events()] == ["warning"]
        assert recording.end is not None and recording.end.reason == "abandoned"


def test_a_recording_that_cannot_be_closed_leaves_the_training_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model) as recorder:
        losses = train(recorder)
        monkeypatch.setattr(Engine, "finish", fail)
    assert len(losses) == 12
    assert "could not be closed (OSError: no space left" in capsys.readouterr().err


def test_what_the_user_deletes_is_freed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    with dgmtui.Recorder(tmp_path / "run.h5", recorder_model, every=1) as recorder:
        optimizer = torch.optim.SGD(recorder_model.parameters(), lr=0.01)
        for _ in range(6):
            x = torch.randn(16, 5)
            with recorder.iteration(x):
                output = recorder_model(x)
                loss = output.pow(2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            refs = [weakref.ref(x), weakref.ref(output), weakref.ref(loss)]
            del x, output, loss
        gc.collect()
        assert [ref() is None for ref in refs] == [True] * 3


def test_a_variable_is_found_by_identity_and_read_anew() -> None:
    def step(batch: dict[str, list[torch.Tensor]]) -> tuple[Variable | None, object]:
        found = find_variable(batch["views"][1])
        assert found is not None
        batch["views"][1] = torch.ones(3)
        return found, read_variable(found)

    found, now = step({"views": [torch.zeros(3), torch.zeros(3)]})
    assert found is not None and (found.name, found.path) == ("batch", ("views", 1))
    assert isinstance(now, torch.Tensor) and now.tolist() == [1, 1, 1]


def test_a_variable_that_is_a_file_or_fails_when_looked_into_is_left_alone(tmp_path: Path) -> None:
    class Touchy(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("looked into")

    def look() -> Variable | None:
        held = torch.zeros(3)
        closed, touchy, batch = h5py.File(tmp_path / "x.h5", "w"), Touchy(), {"held": held}
        closed.close()
        found = find_variable(batch["held"])
        assert closed is not None and touchy is not None
        return found

    found = look()
    assert found is not None and found.name == "held"


def test_looking_at_variables_keeps_none_alive() -> None:
    def look() -> weakref.ref[torch.Tensor]:
        held = torch.zeros(3)
        find_variable(torch.ones(1))
        ref = weakref.ref(held)
        del held
        return ref if ref() is None else pytest.fail("still alive")

    assert look()() is None


def test_a_dictionary_of_variables_that_the_user_keeps_is_not_emptied() -> None:
    def look() -> dict[str, object]:
        rate, config = 0.1, {}
        config = locals()
        find_variable(torch.ones(1))
        assert rate == 0.1
        return config

    assert look()["rate"] == 0.1


def test_dataset_index_is_said_only_when_it_selects_the_batch() -> None:
    data = torch.randn(50, 4)
    idx = torch.tensor([7, 3, 9])
    assert dataset_index([data[idx]]) == [7, 3, 9]
    assert dataset_index([torch.randn(3, 4)]) is None


def test_names_are_those_of_named_modules_and_prefixed_where_there_are_several() -> None:
    names = Names()
    first, second = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2))
    names.add_root("first", first)
    assert names.path(first[0]) == "0" and names.path(first) == ""
    names.add_root("second", second)
    assert names.path(first[0]) == "0", "a name once given stays: the recording is written under it"
    assert (names.path(second[0]), names.path(second)) == ("second.0", "second")


def test_models_that_are_trained_are_all_known_before_the_first_is_named() -> None:
    models = {"G": nn.Sequential(nn.Linear(2, 2)), "D": nn.Sequential(nn.Linear(2, 1))}
    watched, lossy = nn.Sequential(nn.Linear(2, 2)), nn.MSELoss()
    optimizers = [torch.optim.SGD(model.parameters(), 0.1) for model in models.values()]
    names = Names()
    assert names.path(lossy) == "lossy"
    assert (names.path(models["G"][0]), names.path(models["D"])) == ("G.0", "D")
    assert names.path(watched[0]) == "watched.0" and len(optimizers) == 2


def test_one_trained_model_has_no_prefix_whatever_is_called_before_it() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.net = nn.Sequential(nn.Linear(2, 2))
            self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
            self.teacher = nn.Sequential(nn.Linear(2, 2))

        def look(self) -> tuple[str, str]:
            names = Names()
            return names.path(self.teacher[0]), names.path(self.net[0])

    assert Trainer().look() == ("teacher.0", "0")
