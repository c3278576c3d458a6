"""What is recorded of a run where modules and quantities were named; what fails is recorded whole all the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recorder.selection import Selection
from dgmtui.recording import open_recording
from dgmtui.recording.model import Quantity
from dgmtui.session.session import Session

QUANTITIES = {"activation", "gradient", "weight", "weight_gradient", "update"}
SCRIPT = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential()
model.enc = nn.Sequential(nn.Linear(5, 7), nn.ReLU())
model.encore = nn.Linear(7, 4)
model.dec = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for i in range(12):
    x = torch.randn(8, 5)
    if i == 7:
        x[3] = 1e30
    loss = model(x).abs().exp().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
"""


def channels(path: Path) -> set[tuple[str, str]]:
    with open_recording(path) as recording:
        return {(channel.module, channel.quantity.value) for channel in recording.channels}


def train(path: Path, **options: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential()
    model.enc = nn.Sequential(nn.Linear(5, 7), nn.ReLU())
    model.encore = nn.Linear(7, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with dgmtui.Recorder(path, model, optimizer, every=2, **options):
        for _ in range(5):
            loss = model(torch.randn(8, 5)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def test_a_module_stands_for_what_is_within_it_and_for_no_namesake(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", only=["enc"])
    found = channels(tmp_path / "run.h5")
    assert {module for module, _ in found} == {"enc", "enc.0", "enc.1"}
    assert {quantity for module, quantity in found if module == "enc.0"} == QUANTITIES
    assert {quantity for module, quantity in found if module == "enc"} == {"activation", "gradient"}


def test_a_quantity_is_left_out_everywhere(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", without=[":gradient", "enc:update"])
    found = channels(tmp_path / "run.h5")
    assert {quantity for module, quantity in found if module == "encore"} == QUANTITIES - {"gradient"}
    assert {quantity for module, quantity in found if module == "enc.0"} == QUANTITIES - {"gradient", "update"}


def test_what_is_kept_has_the_same_numbers(tmp_path: Path) -> None:
    train(tmp_path / "whole.h5")
    train(tmp_path / "some.h5", only=["enc:activation", "encore:weight_gradient"])
    with open_recording(tmp_path / "whole.h5") as whole, open_recording(tmp_path / "some.h5") as some:
        assert len(some.channels) == 4 and (some.losses() == whole.losses()).all()
        for number, channel in enumerate(some.channels):
            same = whole.channel(channel.module, channel.quantity)
            assert (some.statistics(number) == whole.statistics(same)).all()
            assert (some.series(number)[:] == whole.series(same)[:]).all()
        assert some.info.extra["only"] == ["enc:activation", "encore:weight_gradient"]
        assert sorted(some.info.extra) == ["only", "writer"]


def test_weights_alone_need_no_output_measured(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", only=[":weight"])
    assert channels(tmp_path / "run.h5") == {("enc.0", "weight"), ("encore", "weight")}


def test_a_failure_outside_the_selection_is_found_all_the_same(run: Callable[..., Any], tmp_path: Path) -> None:
    alone = run(SCRIPT, recorded=False)
    ran = run(SCRIPT, options=("--every", "3", "--only", "dec:weight", "--only", "nowhere"))
    assert ran.code == 1 and ran.out.splitlines() == alone.out.splitlines()[:7]
    assert "'nowhere'" in ran.err and ran.err.count("selects nothing") == 1
    with open_recording(ran.recording) as recording:
        session = Session(recording)
        finding = session.results.findings()[0]
        assert (finding.kind, finding.iteration, finding.op, finding.sample) == ("nonfinite", 7, "aten.exp", 3)
        first = recording.first_nonfinite()
        assert first is None or first.iteration == 7
        assert REGISTRY.run(session, "first-nonfinite").data["iteration"] == 7
        late = recording.channel("enc.0", Quantity.ACTIVATION)
        absmax = recording.statistics(late)[-1][4]
        assert absmax > 1e29, "the failing iteration is measured whole"
        assert recording.rows.tolist() == [0, 3, 6, 7], "weights are not measured in between"


def test_a_run_of_which_nothing_is_selected_has_its_losses(tmp_path: Path) -> None:
    train(tmp_path / "run.h5", only=["nowhere"])
    with open_recording(tmp_path / "run.h5") as recording:
        assert len(recording.losses()) == 5 and not recording.channels
        session = Session(recording)
        assert REGISTRY.run(session, "goto 3").data["iteration"] == 3
        with pytest.raises(UsageError, match="recorded: none"):
            REGISTRY.run(session, "dynamics")


@pytest.mark.parametrize("text", ["enc:gradients", "enc:", "a:b:c"])
def test_a_quantity_that_does_not_exist_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(UsageError, match="weight_gradient"):
        Selection([text])


def test_a_wrong_pattern_ends_before_the_script_runs(run: Callable[..., Any]) -> None:
    ran = run(SCRIPT, options=("--without", ":momentum"))
    assert ran.code == 2 and not ran.out and "':momentum'" in ran.err
    assert not ran.recording.exists()
