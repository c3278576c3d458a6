"""`chain` as a command: its account is numbered, each line opens, `up N` and `down` walk it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Table
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.json import to_json
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"
UNET = """\
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.out = nn.Conv2d(8, 2, 1)
    def forward(self, x):
        skip = F.relu(self.down(x))
        deep = F.relu(self.deep(F.max_pool2d(skip, 2)))
        return self.out(torch.cat([skip, self.up(deep)], 1))
net = UNet()
with torch.no_grad():
    for module in net.children():
        module.weight.mul_(0.05)
    net.down.weight[2, 0, 1, 1] = 1.0
    net.deep.weight[1, 2, 1, 1] = 1.0
    net.up.weight[1, 3] = 1.0
    net.out.weight[1, 7] = 1.0
data = torch.rand(160, 1, 8, 8)
data[93, 0, 4, 2] = 300.0
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
for start in range(0, 160, 8):
    loss = net(data[start:start + 8]).exp().mean()
    opt.zero_grad(); loss.backward(); opt.step()
"""


GAN = """\
import torch
from torch import nn
torch.manual_seed(0)
class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 20))
    def forward(self, z):
        return self.net(z)
class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.act, self.last = nn.Linear(20, 12), nn.LeakyReLU(0.2), nn.Linear(12, 1)
    def forward(self, x):
        return self.last(torch.exp(self.act(self.first(x))))
g, d = G(), D()
og, od = torch.optim.Adam(g.parameters(), 1e-3), torch.optim.Adam(d.parameters(), 1e-3)
for step in range(30):
    real = torch.rand(16, 20)
    if step == 23:
        with torch.no_grad():
            d.first.weight[7, 4] = 3.0
        real[11, 4] = 60.0
    z = torch.randn(16, 8)
    od.zero_grad()
    loss = -(d(real).mean() - d(g(z).detach()).mean())
    loss.backward(); od.step()
    og.zero_grad()
    lg = -d(g(z)).mean()
    lg.backward(); og.step()
"""


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        REGISTRY.run(session, "goto -1")
        yield session


def ask(session: Session, line: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(to_json(REGISTRY.run(session, line)))
    return said


def test_every_line_of_an_account_opens(vae: Session) -> None:
    said = ask(vae, "chain nonfinite")
    account = said["account"]
    assert [line["line"] for line in account] == list(range(len(account)))
    assert [line["command"] for line in account[: len(said["links"])]] == [link["command"] for link in said["links"]]
    for line in account:
        opened = ask(vae, f"chain nonfinite --open {line['line']}")
        assert opened["command"] == line["command"].split()[0]
        if opened["command"] == "credit":
            assert opened["target"]["value"] == pytest.approx(line["value"], rel=1e-6)


def test_open_and_up_make_a_unit_the_target_and_down_leads_back(vae: Session) -> None:
    account = ask(vae, "chain nonfinite")["account"]
    ask(vae, "chain --open 3")
    assert vae.trail() == ("mu[5]@15", "dec.0[16]@15", "dec.1[16]@15", "nonfinite")
    assert (vae.module, vae.unit, vae.sample) == ("mu", 5, 15)
    for _ in range(3):
        ask(vae, "down")
    assert vae.target == "nonfinite"
    ask(vae, "up 3")
    assert vae.target == account[3]["what"] and len(vae.trail()) == 4
    assert "the chain ends after" in ask(vae, "up 99")["note"]
    with pytest.raises(UsageError, match="up: `up` goes one unit up"):
        REGISTRY.run(vae, "up 0")
    with pytest.raises(UsageError, match=r"the chain has lines 0 to \d+; 99 is none of them"):
        REGISTRY.run(vae, "chain --open 99")


def test_the_gradients_way_is_a_chain_too(vae: Session) -> None:
    ask(vae, "goto 512")
    said = ask(vae, "chain mu[5]@3 --backward")
    assert said["links"] == [] and said["account"][0]["what"] == "∂L/∂loss"
    assert said["account"][-1]["what"] == "∂L/∂mu[5]@3"
    assert ask(vae, said["account"][-1]["command"])["target"]["module"] == "mu"


def test_the_table_names_what_opens_it(vae: Session) -> None:
    table, *_ = REGISTRY.run(vae, "chain nonfinite").blocks
    assert isinstance(table, Table) and "`chain --open N`" in table.note and len(table.rows) >= 7


def recorded(text: str, folder: Path) -> Path:
    script, path = folder / "train.py", folder / "run.h5"
    script.write_text(text)
    line = [sys.executable, "-m", "dgmtui", "record", "-o", str(path), str(script)]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 1
    return path


def test_a_recorded_unet_is_followed_to_the_planted_pixel(tmp_path: Path) -> None:
    with open_recording(recorded(UNET, tmp_path)) as recording:
        session = Session(recording)
        ask(session, "first-nonfinite")
        said = ask(session, "chain nonfinite")
    way = [(link["module"], link["unit"], link["sample"]) for link in said["links"]]
    assert way == [("out", 1, 5), ("up", 3, 5), ("deep", 1, 5), ("down", 2, 5), ("input:argument0", 0, 5)]
    region = next(line for line in said["account"] if line["what"] == "row 4, column 2")
    assert region["share"] > 0.99
    weights = {line["what"] for line in said["account"] if line["what"].startswith("param:")}
    assert {"param:up.weight[:, 3]", "param:deep.weight[1]", "param:down.weight[2]"} <= weights
    assert "up[3]" in said["sentence"] and "deep[1]" in said["sentence"]


def test_a_recorded_gan_is_followed_in_the_turn_that_failed_to_the_planted_sample(tmp_path: Path) -> None:
    with open_recording(recorded(GAN, tmp_path)) as recording:
        session = Session(recording)
        assert ask(session, "first-nonfinite")["iteration"] == 23
        said = ask(session, "chain nonfinite")
    way = [(link["module"], link["unit"], link["sample"]) for link in said["links"]]
    assert way == [("d.act", 7, 11), ("d.first", 7, 11), ("input:real", 4, 11)]
    assert "param:d.first.weight[7]" in {line["what"] for line in said["account"]}
