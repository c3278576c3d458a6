"""What goes wrong in a training, or is merely unusual, is the training's own: nothing is added to it, nothing lost."""

import contextlib
import io
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

import dgmtui
from dgmtui.errors import UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import MODE, PARAMETERS, Match
from dgmtui.recording.writer import RecordingWriter

X, Y = torch.randn(32, 5, generator=torch.Generator().manual_seed(4)), torch.arange(32) % 2


def network(seed: int = 2) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2))


def step(model: nn.Module, *optimizers: torch.optim.Optimizer) -> float:
    loss = F.cross_entropy(model(X), Y)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()


def sgd(*models: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for model in models for p in model.parameters()], lr=0.1)


class Derivative(torch.autograd.Function):
    """The identity, whose derivative raises when told to."""

    raises = False

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        if Derivative.raises:
            raise ValueError("mine")
        return gradient


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.raises = network(), False

    def forward(self, x: Tensor) -> Tensor:
        if self.raises:
            raise ValueError("mine")
        return Derivative.apply(self.inner(x))  # type: ignore[no-any-return, no-untyped-call]


def raise_mine(*_: object) -> None:
    raise ValueError("mine")


def in_forward(model: Net, optimizer: torch.optim.Optimizer) -> None:
    model.raises = True


def in_an_operation(model: Net, optimizer: torch.optim.Optimizer) -> None:
    model.register_forward_pre_hook(lambda _module, inputs: (inputs[0][:, :3],))


def in_backward(model: Net, optimizer: torch.optim.Optimizer) -> None:
    Derivative.raises = True


def in_a_forward_hook(model: Net, optimizer: torch.optim.Optimizer) -> None:
    model.inner[1].register_forward_hook(raise_mine)


def in_a_tensor_hook(model: Net, optimizer: torch.optim.Optimizer) -> None:
    next(model.parameters()).register_hook(raise_mine)


def in_an_optimizer_hook(model: Net, optimizer: torch.optim.Optimizer) -> None:
    optimizer.register_step_pre_hook(raise_mine)


PLACES = [in_forward, in_an_operation, in_backward, in_a_forward_hook, in_a_tensor_hook, in_an_optimizer_hook]


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    yield
    Derivative.raises = False
    assert not _get_current_dispatch_mode_stack(), "a tracer was left running"


@pytest.mark.parametrize("at", [0, 6])
@pytest.mark.parametrize("place", PLACES)
def test_an_exception_shows_the_users_code_alone_and_the_end_tells_the_last_loss(
    tmp_path: Path, place: Callable[[Net, torch.optim.Optimizer], None], at: int
) -> None:
    """At iteration 0 every operation is traced, later none."""
    model = Net()
    optimizer = sgd(model)
    with pytest.raises((ValueError, RuntimeError)) as raised, dgmtui.Recorder(tmp_path / "r.h5", model, optimizer):
        for i in range(10):
            if i == at:
                place(model, optimizer)
            step(model, optimizer)
    shown = "".join(traceback.format_exception(raised.value))
    assert "dgmtui/trace" not in shown and "dgmtui/recorder/hooks" not in shown and "in step" in shown
    before_the_loss = place in (in_forward, in_an_operation, in_a_forward_hook)
    if before_the_loss and at == 0:
        with open_recording(tmp_path / "r.h5") as recording:
            assert recording.iteration_count == 0 and any(e.kind == "exception" for e in recording.events())
        return
    last = at - 1 if before_the_loss else at
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.end is not None and recording.end.reason == "exception"
        assert (recording.end.iteration, recording.last_iteration) == (last, last)


def test_what_the_last_iteration_measured_before_it_raised_is_kept(tmp_path: Path) -> None:
    model = Net()
    optimizer = sgd(model)
    with pytest.raises(ValueError), dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=3):
        for i in range(10):
            Derivative.raises = i == 6
            step(model, optimizer)
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.rows.tolist() == list(range(7))
        assert np.isfinite(recording.series(recording.channel("inner.0", "activation"))[-1]).all()


def test_a_batch_whose_backward_pass_raises_is_left_out(tmp_path: Path) -> None:
    """As where the memory does not suffice: the script goes on with the next batch."""
    model, losses = Net(), []
    optimizer = sgd(model)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=1):
        for i in range(9):
            Derivative.raises = i in (0, 5)
            try:
                losses.append(step(model, optimizer))
            except ValueError:
                continue
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.losses().tolist() == losses and len(recording.rows) == 7


def recorded(path: Path) -> Recording:
    recording = open_recording(path)
    assert recording.end is not None and recording.end.reason == "finished"
    for snapshot in recording.snapshots:
        assert snapshot.verdict.forward is Match.MATCHES, (snapshot.iteration, snapshot.verdict)
    return recording


def test_an_optimizer_that_is_never_used_is_not_waited_for(tmp_path: Path) -> None:
    model = network()
    optimizer = sgd(model)
    spare = torch.optim.Adam(model.parameters())
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer) as recorder:
        recorder.add_optimizer(spare)
        losses = [step(model, optimizer) for _ in range(20)]
        losses += [step(model, spare) for _ in range(20)]
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.losses().tolist() == losses


def test_models_trained_one_after_the_other_have_an_iteration_a_step_though_all_were_made_before(
    tmp_path: Path,
) -> None:
    models = [network(seed) for seed in range(3)]
    optimizers = [sgd(model) for model in models]
    with dgmtui.Recorder(tmp_path / "r.h5", models[0], optimizers[0]) as recorder:
        for optimizer in optimizers[1:]:
            recorder.add_optimizer(optimizer)
        losses = [step(model, one) for model, one in zip(models, optimizers, strict=True) for _ in range(12)]
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.losses().tolist() == losses


def test_parts_of_a_model_with_an_optimizer_each_share_an_iteration(tmp_path: Path) -> None:
    model = network()
    with dgmtui.Recorder(tmp_path / "r.h5", model):
        first, second = sgd(model[0]), sgd(model[2])
        losses = [step(model, first, second) for _ in range(20)]
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.losses().tolist() == losses


def test_an_optimizer_for_a_later_stage_is_waited_for_in_vain_once(tmp_path: Path) -> None:
    """Its parameters get gradients all along, so it may as well be one that has a turn in each iteration."""
    model = network()
    with dgmtui.Recorder(tmp_path / "r.h5", model):
        head, body = sgd(model[2]), sgd(model[0])
        for _ in range(40):
            step(model, head)
        for _ in range(10):
            step(model, body)
    with recorded(tmp_path / "r.h5") as recording:
        assert 25 <= recording.iteration_count <= 50


def test_a_model_that_is_deleted_is_freed_and_the_next_one_recorded(tmp_path: Path) -> None:
    with dgmtui.Recorder(tmp_path / "r.h5", network()):
        for width in (3, 4):
            model = nn.Sequential(nn.Linear(5, width), nn.Linear(width, 2))
            optimizer = sgd(model)
            for _ in range(6):
                step(model, optimizer)
            gone = weakref.ref(model), weakref.ref(optimizer), weakref.ref(next(model.parameters()))
            del model, optimizer
            assert [ref() for ref in gone] == [None] * 3, "at once, without the garbage collector"
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 12


def train(model: nn.Module, iterations: int = 10, pause: float = 0.0) -> None:
    optimizer = sgd(model)
    for _ in range(iterations):
        step(model, optimizer)
        time.sleep(pause)


def in_threads(*acts: Callable[[], object]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_loop_in_a_thread_is_recorded_and_one_thread_an_epoch_too(tmp_path: Path) -> None:
    model = network()
    with dgmtui.Recorder(tmp_path / "r.h5", model):
        model(X).sum()  # a look at the model, from a thread that never trains
        for _ in range(3):
            in_threads(lambda: train(model), lambda: [model(X) for _ in range(20)])
        train(model)
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 40


def test_of_two_threads_that_train_one_is_recorded_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = network(), network()
    torch.manual_seed(0)
    with dgmtui.Recorder(tmp_path / "r.h5", nn.ModuleDict({"first": first, "second": second})):
        in_threads(lambda: train(first, 50, 1e-3), lambda: train(second, 50, 1e-3))
    assert capsys.readouterr().err.count("another thread trains too") == 1
    with recorded(tmp_path / "r.h5") as recording:
        assert 48 <= recording.iteration_count <= 50
    alone = network()
    train(alone, 50)
    for model in (first, second):
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), alone.parameters(), strict=True))


def test_a_second_recorder_is_refused_in_another_thread(tmp_path: Path) -> None:
    refused: list[UsageError] = []

    def record() -> None:
        try:
            dgmtui.Recorder(tmp_path / "second.h5", network())
        except UsageError as error:
            refused.append(error)

    with dgmtui.Recorder(tmp_path / "r.h5", network()):
        in_threads(record)
    assert "one training is recorded at a time" in str(refused[0]) and not (tmp_path / "second.h5.part").exists()


def with_double(model: nn.Module) -> contextlib.AbstractContextManager[object]:
    return default_dtype(torch.float64)


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def deterministic(model: nn.Module) -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def on_no_device(model: nn.Module) -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def warnings_as_errors(model: nn.Module) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def evaluated_in_inference_mode(model: nn.Module) -> Iterator[None]:
    with torch.inference_mode():
        model(X)
    yield


@contextlib.contextmanager
def seeded_anew(model: nn.Module) -> Iterator[None]:
    torch.manual_seed(7)
    yield


SETTINGS = [with_double, deterministic, on_no_device, warnings_as_errors, evaluated_in_inference_mode, seeded_anew]


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_script_sets_globally_holds_for_its_own_tensors_only(
    tmp_path: Path, setting: Callable[[nn.Module], contextlib.AbstractContextManager[object]]
) -> None:
    def losses() -> list[float]:
        model = nn.Sequential(network(), nn.Dropout(0.3))
        optimizer, lost = sgd(model), []
        for _ in range(9):
            with setting(model):
                lost.append(step(model, optimizer))
        return lost

    alone = losses()
    with dgmtui.Recorder(tmp_path / "r.h5", network(), every=2):
        assert losses() == alone
    with recorded(tmp_path / "r.h5") as recording:
        told = {event.kind for event in recording.events()} - {PARAMETERS, MODE, "settings"}
        assert recording.losses().tolist() == alone and not told


def test_what_the_recorder_says_does_not_go_where_the_script_sends_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, sent = network(), io.StringIO()
    optimizer = sgd(model)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer):
        with contextlib.redirect_stderr(sent), contextlib.redirect_stdout(sent):
            for i in range(5):
                (F.cross_entropy(model(X), Y) * i).backward()
                optimizer.step()
    assert sent.getvalue() == "" and "every one is traced" in capsys.readouterr().err


def test_numbers_logged_late_reach_an_iteration_that_was_written_already(tmp_path: Path) -> None:
    """Also where it was the last that its block of the file had room for."""
    model = network()
    optimizer = sgd(model)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer) as recorder:
        for i in range(515):
            with recorder.iteration(X):
                step(model, optimizer)
            if i > 508:
                recorder._engine._writer.flush()
            recorder.log(early=i)
            if i > 508:
                recorder._engine._writer.flush()
                recorder.log(late=2 * i, early=3 * i)
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.scalar("early").tolist() == [*range(509), *(3 * i for i in range(509, 515))]
        assert recording.scalar("late").tolist()[509:] == [2 * i for i in range(509, 515)]


def test_an_interrupt_while_an_iteration_is_written_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C comes where it likes, also in code of ours; the script may catch it and go on."""
    write, interrupts = RecordingWriter.add_row, []

    def interrupted(writer: RecordingWriter, iteration: int, *row: Any) -> None:
        write(writer, iteration, *row)
        if iteration == 4 and not interrupts:
            interrupts.append(iteration)
            raise KeyboardInterrupt

    monkeypatch.setattr(RecordingWriter, "add_row", interrupted)
    model = network()
    optimizer = sgd(model)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=2):
        for _ in range(10):
            with contextlib.suppress(KeyboardInterrupt):
                step(model, optimizer)
    assert interrupts == [4]
    with recorded(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 10 and recording.rows.tolist() == [0, 2, 4, 6, 8]
