"""What the script lets go is freed at once, though it is being recorded: nothing waits for the garbage collector."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import dgmtui
from dgmtui.recording import open_recording


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def network() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 2))


class Watched(nn.Module):
    """A network of which every inner output is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.seen: list[weakref.ref[Tensor]] = []
        for module in self.inner:
            module.register_forward_hook(lambda _module, _inputs, output: self.seen.append(weakref.ref(output)))

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.inner(x)
        return hidden


def alive(refs: list[weakref.ref[Tensor]]) -> int:
    return sum(ref() is not None for ref in refs)


@pytest.mark.parametrize("every", [1, 10])
def test_after_each_iteration_its_batch_and_activations_are_gone(tmp_path: Path, every: int) -> None:
    """Traced or not, with a snapshot or without."""
    model = Watched()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, every=every):
        for i in range(20):
            x, y = torch.randn(16, 5), torch.randint(0, 2, (16,))
            model.seen += [weakref.ref(x), weakref.ref(y)]
            loss = F.cross_entropy(model(x), y)
            model.seen.append(weakref.ref(loss))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            del x, y, loss
            assert alive(model.seen) == 0, f"iteration {i}"


def test_a_batch_is_gone_though_the_loop_goes_on_without_training(tmp_path: Path) -> None:
    model = Watched()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer):
        for _ in range(3):
            model(torch.randn(16, 5)).sum().backward()
            optimizer.step()
            for _ in range(5):
                with torch.no_grad():
                    model(torch.randn(16, 5))
                assert alive(model.seen) == 0


def test_a_failing_iteration_is_gone_once_it_is_recorded(tmp_path: Path) -> None:
    model = Watched()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    with dgmtui.Recorder(tmp_path / "r.h5", model, optimizer, on_nonfinite="continue"):
        for i in range(8):
            x = torch.randn(16, 5)
            x[3] = float("nan") if i == 5 else 0.0
            model.seen.append(weakref.ref(x))
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            del x, loss
            assert alive(model.seen) == 0, f"iteration {i}"
    with open_recording(tmp_path / "r.h5") as recording:
        assert [s.iteration for s in recording.snapshots if s.reason == "failing"] == [5]


def test_model_optimizer_data_set_and_loader_are_gone_when_deleted_and_another_goes_on(tmp_path: Path) -> None:
    with dgmtui.Recorder(tmp_path / "r.h5", network(), every=1):
        for _ in range(3):
            model = network()
            optimizer = torch.optim.Adam(model.parameters(), 1e-3)
            data = TensorDataset(torch.randn(64, 5), torch.randint(0, 2, (64,)))
            loader = DataLoader(data, 16, shuffle=True)
            for x, y in loader:
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            gone = [weakref.ref(o) for o in (model, optimizer, data, loader, data.tensors[0], model[0].weight)]
            state = weakref.ref(optimizer.state[model[0].weight]["exp_avg"])
            del model, optimizer, data, loader, x, y, loss
            assert [ref() is None for ref in gone] == [True] * 6 and state() is None
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == 12


def test_a_closed_recorder_lets_go_of_all(tmp_path: Path) -> None:
    model = network()
    recorder = dgmtui.Recorder(tmp_path / "r.h5", model, every=1)
    with recorder:
        optimizer = torch.optim.SGD(model.parameters(), 1e-3)
        for _ in range(3):
            model(torch.randn(16, 5)).sum().backward()
            optimizer.step()
    engine = weakref.ref(recorder._engine)
    del recorder
    gc.collect()
    assert engine() is None
