"""Loops that go other ways than forward, backward, step."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dgmtui
from dgmtui.recorder.measure import Row
from dgmtui.recording import open_recording
from dgmtui.recording.model import STATISTICS, Match, Measure, Quantity
from dgmtui.trace.statistics import statistics_of

X, Y = torch.randn(32, 5, generator=torch.Generator().manual_seed(4)), torch.arange(32) % 2


def network() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 2))


def record(
    path: Path, step: Callable[[int, nn.Module, torch.optim.Optimizer], None], n: int = 6, **options: Any
) -> Any:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with dgmtui.Recorder(path, model, optimizer, **options):
        for i in range(n):
            step(i, model, optimizer)
    return open_recording(path)


def assert_proven(recording: Any, iterations: int, gradient: Match = Match.MATCHES) -> None:
    assert recording.iteration_count == iterations
    assert recording.snapshots
    for snapshot in recording.snapshots:
        assert snapshot.verdict.forward is Match.MATCHES, (snapshot.iteration, snapshot.verdict)
        assert snapshot.verdict.gradient is gradient, (snapshot.iteration, snapshot.verdict)


@pytest.mark.filterwarnings("error:global module forward hook")
def test_a_forward_pass_that_raises_is_tried_again(tmp_path: Path) -> None:
    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        try:
            model(torch.randn(32, 5 if i % 2 else 4))
        except RuntimeError:
            pass
        loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with record(tmp_path / "r.h5", lambda i, m, o: step(2 * i, m, o)) as recording:
        assert_proven(recording, 6)


def test_an_interrupt_that_the_user_catches_leaves_no_call_open(tmp_path: Path) -> None:
    class Interrupted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyboardInterrupt

    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if i == 1:
            with pytest.raises(KeyboardInterrupt):
                nn.Sequential(Interrupted())(X)
        loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with record(tmp_path / "r.h5", step, 9) as recording:
        assert recording.iteration_count == 9
        assert recording.snapshots[-1].iteration == 8
        assert recording.snapshots[-1].verdict.forward is Match.MATCHES


class ByName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(5, 2)

    def forward(self, *, x: Tensor) -> Tensor:
        return self.inner(x)


def test_inputs_given_by_name_are_found_though_no_variable_holds_them(tmp_path: Path) -> None:
    model = ByName()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer):
        for i in range(6):
            F.cross_entropy(model(x=X * (i + 1)), Y).backward()
            optimizer.step()
            optimizer.zero_grad()
    with open_recording(tmp_path / "r.h5") as recording:
        assert_proven(recording, 6)


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_with_gradients_enabled_gathers_nothing(tmp_path: Path, training: bool) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    held: list[weakref.ref[Tensor]] = []
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer):
        for _ in range(3):
            model.train(training)
            total = 0.0
            for _ in range(200):
                x = torch.randn(8, 5)
                held.append(weakref.ref(x))
                total += model(x).sum().item()
            del x
            gc.collect()
            assert sum(ref() is not None for ref in held) < 90
            model.train()
            loss = F.cross_entropy(model(X), Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 3
        if not training:
            assert_proven(recording, 3)


def test_a_pass_of_many_calls_is_traced_once_it_is_known_to_be_one(tmp_path: Path) -> None:
    cell, head = nn.GRUCell(5, 4), nn.Linear(4, 2)
    optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.05)
    with dgmtui.Recorder(tmp_path / "r.h5", nn.ModuleDict({"cell": cell, "head": head}), optimizer):
        for _ in range(5):
            hidden = torch.zeros(32, 4)
            for _ in range(80):
                hidden = cell(X, hidden)
            loss = F.cross_entropy(head(hidden), Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.snapshots[-1].iteration == 4
        assert recording.snapshots[-1].verdict.forward is Match.MATCHES, recording.snapshots[-1].verdict


def test_a_gradient_given_to_backward_is_not_claimed_to_be_replayed(tmp_path: Path) -> None:
    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        output = model(X)
        optimizer.zero_grad()
        output.backward(gradient=torch.ones_like(output) / 7)
        optimizer.step()

    with record(tmp_path / "r.h5", step) as recording:
        assert_proven(recording, 6, gradient=Match.NOT_MADE)


def test_several_losses_at_once_are_added_and_said_to_have_no_trace(tmp_path: Path) -> None:
    losses = []

    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        output = model(X)
        first, second = F.cross_entropy(output, Y), output.pow(2).mean()
        losses.append(first.item() + second.item())
        optimizer.zero_grad()
        torch.autograd.backward([first, second])
        optimizer.step()

    with record(tmp_path / "r.h5", step) as recording:
        assert recording.losses().tolist() == losses


def test_two_backward_passes_through_one_forward_pass(tmp_path: Path) -> None:
    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        output = model(X)
        first, second = F.cross_entropy(output, Y), output.pow(2).mean()
        optimizer.zero_grad()
        first.backward(retain_graph=True)
        second.backward()
        optimizer.step()

    with record(tmp_path / "r.h5", step, 20, every=4) as recording:
        assert recording.iteration_count == 20
        snapshots = [s for s in recording.snapshots if s.verdict.forward is Match.MATCHES]
        assert {s.iteration for s in snapshots} == {0, 1, 2, 4, 8, 16}
        assert not any(event.kind == "trace" and event.iteration > 1 for event in recording.events())


def test_an_optimiser_made_before_the_recorder_and_unknown_to_it(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with dgmtui.Recorder(tmp_path / "r.h5", model, every=1) as recorder:
        for _ in range(4):
            with recorder.iteration(X):
                loss = F.cross_entropy(model(X), Y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    with open_recording(tmp_path / "r.h5") as recording:
        assert_proven(recording, 4)
        assert np.isfinite(recording.series(recording.channel("0", "update"))[:]).all()


def test_a_model_that_takes_the_address_of_a_deleted_one_is_not_taken_for_it(tmp_path: Path) -> None:
    with dgmtui.Recorder(tmp_path / "r.h5", network()):
        for width in (3, 4, 5, 6):
            model: nn.Module = nn.Sequential(nn.Linear(5, width), nn.Linear(width, 2))
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
            F.cross_entropy(model(X), Y).backward()
            optimizer.step()
            del model, optimizer
            gc.collect()
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 4


def test_lbfgs_calls_backward_within_its_step(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), Y)
        loss.backward()
        return loss

    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=1):
        for _ in range(5):
            optimizer.step(closure)
    with open_recording(tmp_path / "r.h5") as recording:
        assert_proven(recording, 5)
        for quantity in ("update", "weight_gradient"):
            assert np.isfinite(recording.series(recording.channel("0", quantity))[:]).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_step_that_the_scaler_skips_is_an_iteration_and_no_failure(tmp_path: Path, dtype: torch.dtype) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=2)

    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        with torch.autocast("cpu", dtype=dtype):
            loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        if i == 2:
            next(model.parameters()).grad[0, 0] = float("inf")  # type: ignore[index]
        scaler.step(optimizer)
        scaler.update()

    with record(tmp_path / "r.h5", step) as recording:
        assert recording.iteration_count == 6 and recording.end.reason == "finished"
        assert [event.iteration for event in recording.events() if event.kind == "skipped"] == [2]
        assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots), recording.snapshots


def test_a_failure_in_the_very_first_iteration(tmp_path: Path) -> None:
    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        loss = F.cross_entropy(model(X) * float("inf"), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with record(tmp_path / "r.h5", step) as recording:
        assert recording.end.reason == "nonfinite" and recording.last_iteration == 0
        (snapshot,) = recording.snapshots
        assert snapshot.reason == "failing" and snapshot.verdict.forward is Match.MATCHES


def test_a_compiled_module_is_recorded_at_its_own_level(tmp_path: Path) -> None:
    model = network()
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=2):
        for _ in range(5):
            loss = F.cross_entropy(compiled(X), Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 5 and np.isfinite(recording.losses()).all()


@pytest.mark.filterwarnings("error:global module forward hook")
def test_checkpointed_passes_run_again_in_backward_open_no_window(tmp_path: Path) -> None:
    from torch.utils.checkpoint import checkpoint

    def step(i: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        hidden = checkpoint(model[0], X.requires_grad_(False), use_reentrant=False)  # type: ignore[index]
        loss = F.cross_entropy(model[3](hidden), Y)  # type: ignore[index]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with record(tmp_path / "r.h5", step, 9) as recording:
        assert recording.iteration_count == 9
        assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5, 2), (6,)])
def test_units_are_measured_right_at_every_scale(scale: float, shape: tuple[int, ...]) -> None:
    values = torch.relu(torch.randn(shape, generator=torch.Generator().manual_seed(7))) * scale
    axis = 1 if len(shape) > 1 else 0
    row = Row()
    row.add_output("m", Quantity.ACTIVATION, values, axis)
    ((_, statistics, units, width),) = row.merged()
    assert width == shape[axis]
    wide = values.double().movedim(axis, 0).reshape(shape[axis], -1)
    np.testing.assert_allclose(units[Measure.MEAN], wide.mean(1), rtol=1e-5)
    np.testing.assert_allclose(units[Measure.RMS], wide.pow(2).mean(1).sqrt(), rtol=1e-5)
    np.testing.assert_array_equal(units[Measure.ZEROS], (wide == 0).double().mean(1).numpy().astype(np.float32))
    expected = statistics_of(values)
    np.testing.assert_allclose(statistics, expected, rtol=1e-6)
    added_up = [STATISTICS.index("mean"), STATISTICS.index("std")]  # unit by unit, so in another order
    np.testing.assert_array_equal(np.delete(statistics, added_up), np.delete(expected, added_up))
