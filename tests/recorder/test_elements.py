"""``--elements N``: single elements of weights, their gradients and updates, as a plain loop has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import Measure, Quantity
from dgmtui.session.session import Session

QUANTITIES = (Quantity.WEIGHT, Quantity.WEIGHT_GRADIENT, Quantity.UPDATE)
STEPS = 13
Kept = dict[tuple[int, str, Quantity], torch.Tensor]


def network(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))
    return made.to(dtype=dtype, memory_format=torch.channels_last)


def train(path: Path, dtype: torch.dtype = torch.float32, fails_at: int = -1, **settings: Any) -> Kept:
    """Record some iterations; every weight, gradient and update of every iteration, copied by the loop itself."""
    model, kept = network(dtype), {}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    weights = {"0": model[0].weight, "3": model[3].weight}
    with dgmtui.Recorder(path, model, optimizer, **settings):
        for i in range(STEPS):
            loss = model(torch.randn(8, 3, 6, 6).to(dtype)).square().mean() * (float("nan") if i == fails_at else 1)
            optimizer.zero_grad()
            for name, weight in weights.items():
                kept[i, name, Quantity.WEIGHT] = weight.detach().clone()
            loss.backward()
            for name, weight in weights.items():
                assert weight.grad is not None
                kept[i, name, Quantity.WEIGHT_GRADIENT] = weight.grad.clone()
            optimizer.step()
            for name, weight in weights.items():
                kept[i, name, Quantity.UPDATE] = weight.detach() - kept[i, name, Quantity.WEIGHT]
    return kept


def elements(recording: Recording, module: str, quantity: Quantity) -> np.ndarray:
    return np.asarray(recording.series(recording.channel(module, quantity), Measure.ELEMENT))


def wanted(tensor: torch.Tensor, most: int) -> np.ndarray:
    flat = tensor.flatten()
    count = min(most, len(flat))
    return np.array([flat[j * len(flat) // count].item() for j in range(count)], np.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("most", "every"), [(7, 3), (250, 1), (100_000, 5)])
def test_they_are_those_of_a_plain_loop(tmp_path: Path, dtype: torch.dtype, most: int, every: int) -> None:
    kept = train(tmp_path / "run.h5", dtype, elements=most, every=every)
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.info.extra["elements"] == most
        assert recording.rows.tolist() == list(range(0, STEPS, every))
        for module in ("0", "3"):
            for quantity in QUANTITIES:
                held = elements(recording, module, quantity)
                for row, iteration in enumerate(recording.rows.tolist()):
                    expected = wanted(kept[iteration, module, quantity], most)
                    assert held[row].tobytes() == expected.tobytes(), (module, quantity, iteration)
        assert all(c.elements == 0 for c in recording.channels if c.quantity not in QUANTITIES)
    assert check(tmp_path / "run.h5").whole


def test_nothing_else_of_the_recording_changes(tmp_path: Path) -> None:
    train(tmp_path / "without.h5", every=4)
    train(tmp_path / "with.h5", every=4, elements=9)
    with open_recording(tmp_path / "without.h5") as without, open_recording(tmp_path / "with.h5") as followed:
        assert "elements" not in without.info.extra and (without.losses() == followed.losses()).all()
        for number, channel in enumerate(without.channels):
            assert channel.elements == 0 and (channel.module, channel.units) == (
                followed.channels[number].module,
                followed.channels[number].units,
            )
            for measure in channel.measures:
                assert (without.series(number, measure)[:] == followed.series(number, measure)[:]).all()
            np.testing.assert_array_equal(without.statistics(number), followed.statistics(number))


def test_what_is_not_selected_is_not_followed(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", elements=9, only=["3:weight"])
    with open_recording(tmp_path / "run.h5") as recording:
        assert [(c.module, c.quantity, c.elements) for c in recording.channels] == [("3", Quantity.WEIGHT, 9)]


@pytest.mark.parametrize("last_whole", [False, True])
def test_they_lead_up_to_a_failure_and_are_of_it_too(tmp_path: Path, last_whole: bool) -> None:
    kept = train(tmp_path / "run.h5", fails_at=9, elements=6, every=4, last_whole=last_whole)
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.rows.tolist() == list(range(10))
        for quantity in QUANTITIES:
            number, held = recording.channel("3", quantity), elements(recording, "3", quantity)
            seen = ~np.isnan(recording.statistics(number)[:, 0])
            for row in range(10):
                expected = wanted(kept[row, "3", quantity], 6) if seen[row] else np.full(6, np.nan, np.float32)
                np.testing.assert_array_equal(held[row], expected, f"{quantity} {row}")
            measured = {
                Quantity.WEIGHT: [0, 4, 8, 9],
                Quantity.WEIGHT_GRADIENT: list(range(9)),
                Quantity.UPDATE: [0, 4, 8],
            }
            assert np.flatnonzero(seen).tolist() == (
                list(range(9 + (quantity is Quantity.WEIGHT))) if last_whole else measured[quantity]
            )


@pytest.fixture(scope="module")
def overflowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One weight, ``[1, 4]`` of a ``[3, 5]``, is infinite from iteration 6 on; the run goes on."""
    path = tmp_path_factory.mktemp("elements") / "run.h5"
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with dgmtui.Recorder(path, model, optimizer, every=2, elements=1000, on_nonfinite="continue"):
        for i in range(12):
            if i == 6:
                model[0].weight.data[1, 4] = float("inf")
            loss = model(torch.randn(8, 5)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.grad.nan_to_num_(0, 0, 0)
            optimizer.step()
    return path


def test_a_chart_of_elements_names_them_and_when_each_became_nonfinite(overflowing: Path) -> None:
    with open_recording(overflowing) as recording:
        session = Session(recording)
        for line in ("module 0", "unit 2", "quantity weight element"):
            REGISTRY.run(session, line)
        result = REGISTRY.run(session, "dynamics -k 15")
        assert (result.data["measure"], result.data["total"], result.data["nonfinite"]) == ("element", 15, 1)
        lines = {line["label"]: line for line in result.data["lines"]}
        bad = lines["[1,4]"]
        assert (bad["unit"], bad["kind"], bad["first_nonfinite"]) == (9, "nonfinite", 6)
        assert all(line["first_nonfinite"] is None for label, line in lines.items() if label != "[1,4]")
        assert "selected" not in {line["kind"] for line in lines.values()}, "unit 2 is a unit, and no element"
        view = session.view().dynamics
        assert view is not None and "[1,4]" in {line.label for line in view.lines}


def test_units_are_what_they_were_where_no_elements_are_looked_at(overflowing: Path) -> None:
    with open_recording(overflowing) as recording:
        session = Session(recording)
        for line in ("module 0", "quantity weight element", "quantity weight", "unit 2"):
            REGISTRY.run(session, line)
        lines = {line["label"]: line["kind"] for line in REGISTRY.run(session, "dynamics").data["lines"]}
        assert lines["[2]"] == "selected" and set(lines) <= {"[0]", "[1]", "[2]"}
        REGISTRY.run(session, "quantity weight element")
        REGISTRY.run(session, "module 1")
        assert REGISTRY.run(session, "dynamics").data["measure"] == "element"
        REGISTRY.run(session, "quantity activation")
        with pytest.raises(UsageError, match="activation is measured by mean, rms, zeros; not element"):
            REGISTRY.run(session, "quantity activation element")


def test_a_recording_without_them_says_how_to_have_them(small_recording: Path, tmp_path: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        REGISTRY.run(session, "module enc")
        with pytest.raises(
            UsageError, match="no elements of the weight_gradient of enc were followed: record with --el"
        ):
            REGISTRY.run(session, "quantity weight_gradient element")
    train(tmp_path / "some.h5", elements=9, only=["3", "0:weight"])
    with open_recording(tmp_path / "some.h5") as recording:
        session = Session(recording)
        for line in ("module 3", "quantity update element", "module 0"):
            REGISTRY.run(session, line)
        assert REGISTRY.run(session, "dynamics").data["measure"] == "norm"
        assert session.quantity is Quantity.WEIGHT, "its update was not recorded"


SCRIPT = """
import torch
from torch import nn

torch.manual_seed(3)
model = nn.Sequential(nn.Embedding(20, 6, sparse=True), nn.Flatten(), nn.Linear(24, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for i in range(25):
    loss = nn.functional.cross_entropy(model(torch.randint(0, 20, (16, 4))), torch.randint(0, 4, (16,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex())
"""


def test_record_follows_them(run: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    from dgmtui.cli import main

    alone, ran = run(SCRIPT, recorded=False), run(SCRIPT, options=("--elements", "50", "--every", "4"))
    assert ran.code == 0 and ran.out == alone.out
    assert main(["check", str(ran.recording)]) == 0
    with open_recording(ran.recording) as recording:
        assert elements(recording, "0", Quantity.WEIGHT_GRADIENT).shape == (7, 50), "a sparse one"
        assert elements(recording, "2", Quantity.UPDATE).shape == (7, 50)
    assert main(["compact", str(ran.recording)]) == 0
    charted = ["-c", "module 2", "-c", "quantity weight element", "-c", "dynamics"]
    capsys.readouterr()
    assert main([str(ran.recording), *charted, "--batch"]) == 0
    assert "weight (element) of 2" in (shown := capsys.readouterr().out) and " of 50 · linear" in shown
    assert run(SCRIPT, options=("--elements", "-1")).code == 2
