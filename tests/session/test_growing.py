"""`growth` on runs whose slow blow-up was planted: who leads, since when, through whom."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.json import to_json
from dgmtui.session.session import Session
from dgmtui.trace.progress import Cancelled, Progress

HEAD = """\
import torch
from torch import nn
torch.manual_seed(0)
"""
UNIT = (
    HEAD
    + """\
net = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 2))
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
with torch.no_grad():
    net[4].weight[0, 5] = 0.5
for i in range(260):
    x = torch.randn(16, 8)
    loss = (net(x) - x[:, :2]).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if i >= 60:
        with torch.no_grad():
            net[2].weight[5] *= 1.02
"""
)
RATE = (
    HEAD
    + """\
net = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 2))
opt = torch.optim.SGD([{"params": net[i].parameters(), "lr": 1e-3} for i in (0, 2, 4)])
for i in range(300):
    if i == 100:
        opt.param_groups[1]["lr"] = 1.2
    x = torch.randn(16, 8)
    loss = (net(x) - x[:, :2]).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
"""
)
LSTM = (
    HEAD
    + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 6, batch_first=True)
        self.head = nn.Linear(6, 2)
    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
for i in range(200):
    x = torch.randn(16, 5, 4)
    loss = (net(x) - x[:, 0, :2]).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if i >= 80:
        with torch.no_grad():
            net.rnn.weight_hh_l0[2 * 6 + 3] *= 1.04
"""
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Session]]:
    opened = ExitStack()

    def record(text: str) -> Session:
        folder = tmp_path_factory.mktemp("growing")
        script, path = folder / "train.py", folder / "run.h5"
        script.write_text(text)
        line = [sys.executable, "-m", "dgmtui", "record", "--every", "5", "-o", str(path), str(script)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Session(opened.enter_context(open_recording(path)))

    with opened:
        yield record


@pytest.fixture(scope="module")
def unit(recorded: Any) -> Session:
    return recorded(UNIT)


def ask(session: Session, line: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(to_json(REGISTRY.run(session, line)))
    return said


def test_a_growing_unit_leads_and_is_what_the_target_grew_by(unit: Session) -> None:
    said = ask(unit, "growth 4[0]")
    leader = said["growing"][0]
    assert (leader["module"], leader["quantity"], leader["unit"]) == ("2", "weight", 5)
    assert 60 < leader["onset"] <= 75
    assert leader["doubling"] == pytest.approx(35.0, rel=0.1)  # log 2 / log 1.02
    assert leader["command"] == "print param:2.weight[5]" and ask(unit, leader["command"])["shape"] == [12]
    assert [s["iteration"] for s in said["snapshots"]][-1] == 256 and said["of"] >= len(said["snapshots"])
    assert said["through"] in ({"module": "2", "unit": 5}, {"module": "3", "unit": 5})
    assert said["snapshots"][-1]["value"] > said["snapshots"][0]["value"]
    assert said["sentence"].startswith(f"The weight of 2[5] leads: at {leader['onset']} it left its past")
    assert len(ask(unit, "growth --top 1")["growing"]) == 1


def test_only_what_was_up_to_the_cursor_counts(unit: Session) -> None:
    ask(unit, "goto 50")
    said = ask(unit, "growth loss")
    ask(unit, "goto -1")
    assert said["growing"] == [] and said["sentence"].startswith("Nothing grows up to here")
    assert max(s["iteration"] for s in said["snapshots"]) <= 50


def test_a_layer_that_learns_too_fast_leads(recorded: Any) -> None:
    said = ask(recorded(RATE), "growth")
    assert {row["module"] for row in said["growing"][:5]} == {"2"}
    assert {row["quantity"] for row in said["growing"][:5]} == {"weight"}
    assert said["growing"][0]["onset"] in (100, 105)


def test_a_row_of_a_recurrent_weight_leads(recorded: Any) -> None:
    session = recorded(LSTM)
    leader = ask(session, "growth head[1]")["growing"][0]
    assert (leader["module"], leader["quantity"], leader["unit"]) == ("rnn", "weight", 15)
    assert 80 < leader["onset"] <= 90
    assert leader["command"] == "print param:rnn.weight_hh_l0[15]"
    assert ask(session, leader["command"])["shape"] == [6]


def test_a_target_that_is_not_there_is_one_sentence(unit: Session) -> None:
    with pytest.raises(UsageError, match="growth: no module called in this iteration has the path 'nowhere'"):
        REGISTRY.run(unit, "growth nowhere")
    with pytest.raises(UsageError, match="has 2 units"):
        REGISTRY.run(unit, "growth 4[9]")


def test_it_says_how_far_it_is_and_can_be_stopped(unit: Session) -> None:
    told: list[str] = []
    stopping: list[Progress] = []

    def watch(done: float, text: str) -> None:
        told.append(text)
        if text.startswith("3 of "):
            stopping[-1].cancel()

    def make() -> Progress:
        stopping.append(Progress(watch))
        return stopping[-1]

    session = Session(unit.recording, progress_factory=make)
    with pytest.raises(Cancelled):
        REGISTRY.run(session, "growth loss")
    assert told[:2] == [told[0], told[0].replace("1 of", "2 of")] and told[0].endswith("snapshots")
    assert not ask(session, "where")["module"]
