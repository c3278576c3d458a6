"""What leads to a failure has a row an iteration, the very one that ``--every 1`` gives, whatever ``--every`` says."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recorder.launch import run_script
from dgmtui.recorder.ring import Ring
from dgmtui.recorder.rows import Measurement
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import MEASURES, Measure, Quantity
from dgmtui.recording.reader import Recording
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.session import Session
from dgmtui.trace import one_pass

LOOPS = Path(__file__).parents[1] / "loops"
LOOP_FAILS = 30
SCRIPT = """
import os, signal, sys
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for i in range(60):
    loss = model(torch.randn(8, 5)).square().mean()
    if i == 27 and sys.argv[1] == "raise":
        raise ValueError("bad luck")
    if i == 27 and sys.argv[1] == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print(loss.item())
    if i == 27 and sys.argv[1] == "exit":
        break
"""


class Masked(nn.Module):
    """Calls ``late`` from iteration 13 on, and gives minus infinity, which harms nothing, at iteration 14."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.late, self.mask, self.iteration = nn.Linear(5, 7), nn.Linear(7, 7), nn.Identity(), 0

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.first(x)
        if self.iteration >= 13:
            hidden = self.late(hidden)
        scores = hidden.detach().masked_fill(hidden > math.inf if self.iteration != 14 else hidden > 0, -math.inf)
        return hidden * self.mask(scores).exp().clamp(max=1)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))


def train(
    path: Path,
    *fails: int,
    iterations: int = 60,
    make: Callable[[], nn.Module] = network,
    before_step: Callable[[nn.Module], object] = lambda model: None,
    **options: Any,
) -> list[float]:
    """Train a network whose loss is NaN at the iterations ``fails``, which change no weight; its losses."""
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with dgmtui.Recorder(path, model, optimizer, **options):
        for i in range(iterations):
            if isinstance(model, Masked):
                model.iteration = i
            x = torch.randn(8, 5)
            loss = model(x).square().mean() * (math.nan if i in fails else 1.0)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            if i in fails:
                optimizer.zero_grad()
            before_step(model)
            optimizer.step()
    return losses


def rows(path: Path) -> list[int]:
    with open_recording(path) as recording:
        return [int(row) for row in recording.rows]


def bits(recording: Recording, row: int) -> dict[tuple[str, str, str], bytes]:
    """All numbers of one row, by module, quantity and measure."""
    found = {}
    for number, channel in enumerate(recording.channels):
        key = channel.module, channel.quantity.value
        found[*key, ""] = recording.statistics(number)[row].tobytes()
        for measure in MEASURES[channel.quantity]:
            found[*key, measure.value] = recording.series(number, measure)[row].tobytes()
    return found


PASSED_OVER = "activation", "weight_gradient"
"""The quantities that are measured of every iteration."""


def assert_rows_as_of(path: Path, dense: Path, *, whole_rows: bool = False) -> None:
    """Every row of ``path`` is bit for bit that of ``dense``, which has all; and ``path`` is whole.

    Without ``whole_rows`` those between the rows of ``--every`` have certain quantities alone.
    """
    with open_recording(path) as some, open_recording(dense) as whole:
        assert whole.rows.tolist() == list(range(len(whole.rows)))
        for row, iteration in enumerate(some.rows):
            mine, theirs = bits(some, row), bits(whole, int(iteration))
            lies_between = iteration % some.info.every and iteration != some.rows[-1]
            if lies_between and not whole_rows:
                mine = {key: values for key, values in mine.items() if key[1] in PASSED_OVER}
            assert mine == {key: theirs[key] for key in mine}, f"iteration {iteration}"
    report = check(path)
    assert report.whole, report.lines


def expected(every: int, last: int, stop: int) -> list[int]:
    """The rows of a run that fails at ``stop``: of ``every``, the ``last`` others before it, and its own."""
    passed_over = [i for i in range(stop) if i % every]
    return sorted({*range(0, stop, every), *passed_over[max(0, len(passed_over) - last) :], stop})


def dense_from(path: Path) -> list[tuple[int, int]]:
    """From where to where the events say that rows are dense."""
    with open_recording(path) as recording:
        return [(e.data["first"], e.data["last"]) for e in recording.events() if e.kind == "dense"]


def test_the_rows_before_a_failure_are_those_of_every_1(tmp_path: Path) -> None:
    train(tmp_path / "dense.h5", 47, every=1)
    train(tmp_path / "ring.h5", 47, every=10)
    assert rows(tmp_path / "ring.h5") == [0, 10, *range(12, 48)]
    assert dense_from(tmp_path / "ring.h5") == [(12, 47)]
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5")
    assert not dense_from(tmp_path / "dense.h5")


def each_gradient(change: Callable[[Tensor, Tensor], object]) -> Callable[[nn.Module], None]:
    def change_all(model: nn.Module) -> None:
        for parameter in model.parameters():
            if parameter.grad is not None:
                change(parameter, parameter.grad)

    return change_all


CHANGES = {
    "clipped": lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.01),
    "in place": each_gradient(lambda parameter, gradient: gradient.mul_(0.5)),
    "past PyTorch's count": each_gradient(lambda parameter, gradient: gradient.data.clamp_(-0.01, 0.01)),
    "into other memory": each_gradient(lambda parameter, gradient: setattr(gradient, "data", gradient.data * 0.5)),
    "by another": each_gradient(lambda parameter, gradient: setattr(parameter, "grad", gradient * 0.5)),
    "through NumPy": each_gradient(lambda parameter, gradient: np.negative(gradient.numpy(), out=gradient.numpy())),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_gradients_are_those_that_the_step_finds(tmp_path: Path, change: Callable[[nn.Module], object]) -> None:
    for name, every in (("dense", 1), ("ring", 10)):
        train(tmp_path / f"{name}.h5", 47, every=every, before_step=change)
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5")


def test_they_can_be_had_whole(tmp_path: Path) -> None:
    train(tmp_path / "dense.h5", 47, every=1)
    train(tmp_path / "ring.h5", 47, every=10, last=20, last_whole=True)
    assert rows(tmp_path / "ring.h5") == expected(10, 20, 47)
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5", whole_rows=True)


def test_what_was_not_measured_is_told_from_what_is_not_finite(tmp_path: Path) -> None:
    train(tmp_path / "ring.h5", 47, every=10)
    with open_recording(tmp_path / "ring.h5") as recording:
        seen = {c.quantity: ~np.isnan(recording.statistics(i)[:, 4]) for i, c in enumerate(recording.channels)}
        rows_of_every = [iteration % 10 == 0 or iteration == 47 for iteration in recording.rows]
        assert seen[Quantity.WEIGHT].tolist() == rows_of_every and seen[Quantity.ACTIVATION].all()
        assert not np.nan_to_num(recording.statistics_row(15)[:, 6:]).any()


def test_without_the_kernel_only_whole_ones_are_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "kernel", None)
    train(tmp_path / "dense.h5", 47, every=1)
    train(tmp_path / "ring.h5", 47, every=10)
    assert rows(tmp_path / "ring.h5") == [0, 10, 20, 30, 40, 47]
    train(tmp_path / "whole.h5", 47, every=10, last=3, last_whole=True)
    assert rows(tmp_path / "whole.h5") == [0, 10, 20, 30, 40, 44, 45, 46, 47]
    assert_rows_as_of(tmp_path / "whole.h5", tmp_path / "dense.h5", whole_rows=True)


def test_as_many_are_written_as_were_asked_for(tmp_path: Path) -> None:
    train(tmp_path / "none.h5", 47, every=10, last=0)
    assert rows(tmp_path / "none.h5") == [0, 10, 20, 30, 40, 47] and not dense_from(tmp_path / "none.h5")
    train(tmp_path / "seven.h5", 47, every=10, last=7)
    assert rows(tmp_path / "seven.h5") == [0, 10, 20, 30, *range(39, 48)]
    assert dense_from(tmp_path / "seven.h5") == [(39, 47)]
    train(tmp_path / "early.h5", 2, every=10)
    assert rows(tmp_path / "early.h5") == [0, 1, 2]
    train(tmp_path / "first.h5", 0, every=10)
    assert rows(tmp_path / "first.h5") == [0] and not dense_from(tmp_path / "first.h5")


def test_a_run_that_finishes_has_no_more_rows_and_the_same_losses(tmp_path: Path) -> None:
    alone = train(tmp_path / "none.h5", every=10, last=0)
    assert train(tmp_path / "ring.h5", every=10) == alone
    assert rows(tmp_path / "ring.h5") == [0, 10, 20, 30, 40, 50]


def test_where_the_training_goes_on_each_failure_has_its_approach(tmp_path: Path) -> None:
    """Failures that follow each other, or come before the ring is full again, are one."""
    fails = 23, 24, 27, 51
    options: dict[str, Any] = {"last": 6, "last_whole": True, "on_nonfinite": "continue"}
    train(tmp_path / "dense.h5", *fails, every=1, **options)
    train(tmp_path / "ring.h5", *fails, every=10, **options)
    assert rows(tmp_path / "ring.h5") == [0, 10, *range(16, 24), 30, 40, *range(44, 52)]
    assert dense_from(tmp_path / "ring.h5") == [(16, 23), (44, 51)]
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5", whole_rows=True)


def test_once_nothing_is_finite_any_more_rows_are_as_few_as_before(tmp_path: Path) -> None:
    train(tmp_path / "ring.h5", *range(23, 60), every=10, last=6, on_nonfinite="continue")
    assert rows(tmp_path / "ring.h5") == [0, 10, *range(16, 24), 30, 40, 50]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_has_its_approach(tmp_path: Path, error: type[BaseException]) -> None:
    def raising(path: Path, every: int) -> None:
        with pytest.raises(error):
            train(path, every=every, last=8, last_whole=True, make=lambda: Raising(error))

    raising(tmp_path / "dense.h5", 1)
    raising(tmp_path / "ring.h5", 10)
    assert rows(tmp_path / "ring.h5") == [0, 10, *range(18, 27)]
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5", whole_rows=True)


class Raising(nn.Module):
    """Raises in its 28th call."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.inner, self.error, self.calls = nn.Linear(5, 1), error, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == 28:
            raise self.error
        hidden: Tensor = self.inner(x)
        return hidden


@pytest.mark.parametrize(("how", "reason", "last"), [
    ("raise", "exception", 26), ("terminate", "interrupted", 26), ("exit", "finished", 27),
])  # fmt: skip
def test_a_script_that_is_ended_has_the_approach_to_its_end(
    run: Callable[..., Any], how: str, reason: str, last: int
) -> None:
    ran = run(SCRIPT, how, options=("--every", "10", "--last", "5"))
    with open_recording(ran.recording) as recording:
        assert recording.end is not None and recording.end.reason == reason, ran.err
        tail = range(22, 27)
        assert recording.rows.tolist() == [0, 10, 20, *(() if how == "exit" else tail)]
        assert recording.iteration_count == last + 1
    assert check(ran.recording).whole


@pytest.mark.parametrize("name", [
    "gan_fake_reused", "gan_jointly", "critic_five_times", "two_losses", "accumulated", "scaled_half", "layer_swapped",
    "several_calls", "tied_weights", "eval_between", "lbfgs", "no_optimizer",
])  # fmt: skip
def test_the_rows_of_any_loop_are_those_of_every_1(name: str, tmp_path: Path) -> None:
    script = str(LOOPS / f"{name}.py")
    run_script(script, output=tmp_path / "dense.h5", every=1)
    run_script(script, output=tmp_path / "ring.h5", every=7, last=11, last_whole=True)
    assert rows(tmp_path / "ring.h5") == expected(7, 11, LOOP_FAILS)
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5", whole_rows=True)


def test_what_is_first_met_between_rows_and_what_is_not_finite_there_is_found(tmp_path: Path) -> None:
    train(tmp_path / "dense.h5", 17, every=1, make=Masked)
    train(tmp_path / "ring.h5", 17, every=10, make=Masked)
    train(tmp_path / "none.h5", 17, every=10, last=0, make=Masked)
    assert_rows_as_of(tmp_path / "ring.h5", tmp_path / "dense.h5")
    with open_recording(tmp_path / "ring.h5") as recording, open_recording(tmp_path / "dense.h5") as dense:
        late = recording.channel("late", Quantity.ACTIVATION)
        assert late >= recording.first_late_channel
        assert np.isfinite(recording.statistics(late)[:, 4]).tolist() == [i >= 13 for i in recording.rows]
        assert recording.first_nonfinite() == dense.first_nonfinite()
        first = recording.first_nonfinite()
        assert first is not None and (first.iteration, first.module) == (14, "mask")
        assert sorted(recording.index.table.tolist()) == sorted(dense.index.table.tolist())
    with open_recording(tmp_path / "none.h5") as recording:
        first = recording.first_nonfinite()
        assert first is None or first.iteration == 17


def test_where_tells_of_the_dense_rows_around_it(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", 47, every=10)
    with open_recording(tmp_path / "run.h5") as recording:
        session = Session(recording)
        assert "iteration by iteration from 12 to 47" in str(REGISTRY.run(session, "where").blocks)
        REGISTRY.run(session, "goto 11")
        assert "iteration by iteration" not in str(REGISTRY.run(session, "where").blocks)


def measurement(units: int) -> dict[tuple[str, Quantity], Measurement]:
    series = {Measure.NORM: np.zeros(units, np.float32)}
    return {("layer", Quantity.WEIGHT): Measurement(np.zeros(9), series, units)}


def test_the_ring_is_bounded_in_number_and_in_bytes() -> None:
    few = Ring(3)
    for iteration in range(10):
        few.keep(iteration, measurement(5))
    assert [one.iteration for one in few.take()] == [7, 8, 9] and not few.take()
    small = Ring(100, most_bytes=100_000)
    for iteration in range(100):
        small.keep(iteration, measurement(10_000))
    assert [one.iteration for one in small.take()] == [98, 99]
    small.keep(0, measurement(100_000))
    assert not small.take(), "one that is too large by itself is not kept"
    Ring(0).keep(0, measurement(5))


@settings(max_examples=12)
@given(every=st.integers(1, 12), last=st.integers(0, 14), fails=st.integers(0, 30))
def test_whatever_the_numbers_the_right_iterations_have_rows(tmp_path: Path, every: int, last: int, fails: int) -> None:
    path = tmp_path / f"{every}-{last}-{fails}.h5"
    train(path, fails, iterations=fails + 1, every=every, last=last)
    assert rows(path) == expected(every, last, fails)
    assert check(path).whole


def test_a_disk_without_room_for_the_approach_keeps_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> int:
        raise RecordingError("there is no room")

    monkeypatch.setattr(RecordingWriter, "insert_rows", refuse)
    train(tmp_path / "run.h5", 47, every=10)
    assert rows(tmp_path / "run.h5") == [0, 10, 20, 30, 40, 47] and "no room" in capsys.readouterr().err
    assert check(tmp_path / "run.h5").whole and not dense_from(tmp_path / "run.h5")
