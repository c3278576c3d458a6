"""Recordings beside each other: what is told of each is what each tells of itself."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Text
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import Measure
from dgmtui.session.session import Session
from tests.answers import run

SHIPPED = Path(__file__).parents[2] / "recordings"
SCRIPT = """
import sys, torch
from torch import nn
width, depth = map(int, sys.argv[1:])
torch.manual_seed(0)
sizes = [5] + [width] * depth + [1]
layers = []
for a, b in zip(sizes, sizes[1:]):
    layers += [nn.Linear(a, b), nn.ReLU()]
net = nn.Sequential(*layers[:-1])
x = torch.randn(64, 5)
y = x[:, :1] * x[:, 1:2]
opt = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(40):
    loss = (net(x) - y).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
"""


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    with (
        open_recording(SHIPPED / f"{request.param}.h5") as recording,
        closing(Session(recording, thorough=True)) as made,
    ):
        yield made


@pytest.mark.parametrize("session", ["vae"], indirect=True)
def test_before_and_after_a_cure(session: Session) -> None:
    """The replaced image is taken from the failing iteration on: until then the runs are one."""
    told = run(session, f"compare {SHIPPED / 'vae-replaced.h5'} {SHIPPED / 'vae-softplus.h5'} --at 2000")
    a, b, c = told["recordings"]
    assert [each["name"] for each in told["recordings"]] == ["A", "B", "C"]
    assert a["parameters"] == b["parameters"] == c["parameters"]
    with open_recording(SHIPPED / "vae-replaced.h5") as other:
        mine, replaced = session.recording.losses(), other.losses()
    count = min(len(mine), len(replaced))
    first = int(np.argmin(mine[:count] == replaced[:count]))
    assert b["equal_until"] == first - 1 == 2577 and c["equal_until"] is None
    assert a["loss"]["first_nonfinite"] == 2578 and c["loss"]["first_nonfinite"] is None
    assert a["loss"]["best"] == np.nanmin(np.where(np.isfinite(mine), mine, np.nan))
    assert all(layer["how"][1] in ("name", None) for layer in told["layers"])
    kinds = {(f["kind"], tuple(f["in"])) for f in told["findings"]}
    assert ("nonfinite", ("A", "B")) in kinds and not any("C" in names and kind == "nonfinite" for kind, names in kinds)


@pytest.mark.parametrize("session", ["vae"], indirect=True)
def test_layers_of_one_name_and_other_classes_are_told(session: Session) -> None:
    blocks = REGISTRY.run(session, f"compare {SHIPPED / 'cnn.h5'}").blocks
    assert any(isinstance(block, Text) and block.text == "of other classes: root (VAE, CNN)" for block in blocks)


@pytest.mark.parametrize("session", ["cnn"], indirect=True)
def test_numbers_are_those_of_the_recorded_row(session: Session) -> None:
    told = run(session, f"compare {SHIPPED / 'cnn-batchnorm.h5'} --at 101 --credit fc2[3]")
    with open_recording(SHIPPED / "cnn-batchnorm.h5") as other:
        for layer in told["layers"]:
            assert layer["how"] == [None, "name"]
            for recording, path, numbers in zip(
                (session.recording, other), layer["paths"], layer["numbers"], strict=True
            ):
                assert numbers["iteration"] == 100
                row = recording.row_at(101)
                channel = recording.channel(path, "activation")
                zeros = np.asarray(recording.series(channel, Measure.ZEROS)[row])
                assert numbers["dead"] == pytest.approx((zeros == 1).mean())
                assert numbers["rms"] == pytest.approx(np.median(recording.series(channel, Measure.RMS)[row]), rel=1e-5)
    by_path = {layer["paths"][0]: place for place, layer in enumerate(told["layers"])}
    mine = run(session, "goto 101") and run(session, "credit fc2[3] --by module --top 0")
    assert told["credit"]["iterations"] == [64, 64]
    for row in mine["rows"]:
        if row["forward"] is not None and row["module"] in by_path:
            share = told["credit"]["shares"][by_path[row["module"]]][0]
            assert share == pytest.approx(row["forward"] / mine["target"]["value"])
    dead = [f for f in told["findings"] if f["kind"] == "dead_units"]
    (told_once,) = dead
    assert told_once["in"] == ["A"] and all(name in told_once["messages"][0] for name in ("relu1", "relu2", "relu3"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    folder = tmp_path_factory.mktemp("mlps")
    (folder / "mlp.py").write_text(SCRIPT)

    def record(width: int, depth: int) -> Path:
        path = folder / f"mlp-{width}-{depth}.h5"
        line = [sys.executable, "-m", "dgmtui", "record", "--every", "1", "-o", path, folder / "mlp.py", width, depth]
        subprocess.run(list(map(str, line)), check=True, capture_output=True)
        return path

    return record


def test_other_width_and_depth(made: Callable[[int, int], Path]) -> None:
    """The first goes with the first and the last with the last; what is over is listed, and the text names it."""
    narrow, deep = made(8, 1), made(24, 3)
    with open_recording(narrow) as recording:
        session = Session(recording)
        told = run(session, f"compare {deep}")
        pairs = {tuple(layer["paths"]): layer for layer in told["layers"]}
        linear = {pair for pair in pairs if pair[0] in ("0", "2")}
        assert linear == {("0", "0"), ("2", "6")}
        assert [n["units"] for n in pairs["0", "0"]["numbers"]] == [8, 24]
        assert [n["units"] for n in pairs["2", "6"]["numbers"]] == [1, 1]
        assert {b for a, b in pairs if a is None} == {"2", "3", "4", "5"}
        assert [each["parameters"] for each in told["recordings"]] == [8 * 6 + 9, 24 * 6 + 2 * 24 * 25 + 25]
        text = [block.text for block in REGISTRY.run(session, "compare").blocks if hasattr(block, "text")]
        assert "only in B: 2, 3, 4, 5" in text
        assert any(line.startswith("aligned by class and depth") and "2 = 6" in line for line in text)


@pytest.mark.parametrize("session", ["cnn"], indirect=True)
def test_what_cannot_be_compared_is_said_and_leaves_what_stands(session: Session, tmp_path: Path) -> None:
    with pytest.raises(DgmtuiError, match=r"it needs OTHER\.h5"):
        run(session, "compare")
    other = SHIPPED / "cnn-batchnorm.h5"
    run(session, f"compare {other}")
    standing, view = session.compared, session.view()
    assert [loss.letter for loss in view.loss.others] == ["B"] and len(view.loss.others[0].values) == 600
    (tmp_path / "torn.h5").write_bytes(other.read_bytes()[:20000])
    (tmp_path / "text.h5").write_text("no recording")
    (tmp_path / "link.h5").symlink_to(SHIPPED / "cnn.h5")
    for name in ("torn.h5", "text.h5", "absent.h5", "link.h5", "."):
        with pytest.raises(DgmtuiError) as raised:
            run(session, f"compare {tmp_path / name}")
        assert "\n" not in str(raised.value)
        assert session.compared is standing and len(session.compared.losses()[0]) == 600
    for line in (
        f"compare {other} {other}",
        "compare --at -9999",
        "compare --module nowhere",
        "compare --credit no.where",
    ):
        with pytest.raises(DgmtuiError):
            run(session, line)
    assert session.compared is standing
    assert run(session, "compare off")["recordings"] == []
    assert session.compared is None and session.view().loss.others == ()


@pytest.mark.parametrize("session", ["cnn"], indirect=True)
def test_no_file_is_opened_twice(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 misreads one that a process has open twice; what is named again stays open."""
    opened: list[Path] = []

    def counted(path: Path) -> Recording:
        opened.append(path)
        return open_recording(path)

    monkeypatch.setattr("dgmtui.session.comparing.open_recording", counted)
    vae, other = SHIPPED / "vae.h5", SHIPPED / "cnn-batchnorm.h5"
    first = run(session, f"compare {other}")
    assert run(session, f"compare {other}") == first
    run(session, f"compare {vae} {other}")
    assert opened == [other, vae]
    standing = session.compared
    for line, said in (
        (f"compare {session.recording.path}", "this recording itself, A"),
        (f"compare {vae} {session.recording.path}", "this recording itself, A"),
        (f"compare {other} {other}", "named twice"),
    ):
        with pytest.raises(UsageError, match=said):
            run(session, line)
    assert session.compared is standing and opened == [other, vae]
    run(session, f"compare {other}")
    assert opened == [other, vae]


@pytest.mark.parametrize("session", ["cnn"], indirect=True)
def test_what_stands_beside_is_closed_with_the_session(session: Session) -> None:
    run(session, f"compare {SHIPPED / 'cnn-batchnorm.h5'}")
    assert session.compared is not None
    (other,) = session.compared.others
    session.close()
    assert session.compared is None and not other._file


def test_a_rank_that_is_named_twice_is_opened_once() -> None:
    with open_recording([SHIPPED / "cnn.h5", SHIPPED / ".." / "recordings" / "cnn.h5"]) as recording:
        assert len(recording.ranks) == 1
