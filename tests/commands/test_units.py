"""Clusters, maps, samples, edges and classes, on the recordings that ship, against torch and NumPy."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Pictures, Table, Text
from dgmtui.errors import CreditError, DgmtuiError, UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from tests.answers import asked

SHIPPED = Path(__file__).parents[2] / "recordings"

TWICE = """
import torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared, self.out = nn.Linear(4, 4), nn.Linear(4, 1)
    def forward(self, x):
        return self.out(self.shared(torch.tanh(self.shared(x))))
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    loss = net(torch.randn(6, 4)).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


@pytest.fixture(scope="module")
def cnn() -> Iterator[Session]:
    """At a snapshot with 32 samples."""
    with open_recording(SHIPPED / "cnn-batchnorm.h5") as recording:
        session = Session(recording)
        session.go_to(256)
        yield session


@pytest.fixture(scope="module")
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording, thorough=True)
        REGISTRY.run(session, "next-nonfinite")
        yield session


def output(session: Session, module: str) -> torch.Tensor:
    replay = session.results.replay(session.needed_snapshot()).replay
    return replay.output(next(call for call in replay.graph.calls if call.module == module))


def labels(session: Session) -> torch.Tensor:
    replay = session.results.replay(session.needed_snapshot()).replay
    node = next(node for node in replay.graph.nodes if node.name == "aten.index")
    from dgmtui.trace.graph import NodeRef

    return replay.value(NodeRef(node.id))


def test_samples_are_those_of_the_greatest_peaks(cnn: Session) -> None:
    found = asked(cnn, "samples conv2[3] --top 5")["samples"]
    values, order = torch.topk(output(cnn, "conv2")[:, 3].amax((1, 2)), 5)
    assert [row["sample"] for row in found] == order.tolist()
    assert [row["value"] for row in found] == pytest.approx(values.tolist())
    for row in found:
        y, x = row["position"]
        assert output(cnn, "conv2")[row["sample"], 3, y, x] == pytest.approx(row["value"])
        assert row["label"] == labels(cnn)[row["sample"]]


def test_samples_of_a_group_are_ranked_by_the_mean_of_its_peaks(cnn: Session) -> None:
    found = asked(cnn, "samples fc1[1,5-9] --top 0")
    units = [1, 5, 6, 7, 8, 9]
    wanted = output(cnn, "fc1")[:, units]
    assert found["units"] == units
    assert [row["sample"] for row in found["samples"]] == wanted.mean(1).argsort(descending=True).tolist()
    first = found["samples"][0]
    assert first["unit"] == units[int(wanted[first["sample"]].argmax())]


def test_rows_of_the_data_set_are_told_where_they_are_known(vae: Session) -> None:
    rows = vae.needed_snapshot().extra["dataset_index"]
    found = asked(vae, "samples xv[16] --top 1")["samples"][0]
    assert (found["sample"], found["dataset_index"]) == (15, rows[15])
    assert found["label"] is None
    REGISTRY.run(vae, "drop sample 0")
    assert asked(vae, "samples xv[16] --top 1")["samples"][0]["dataset_index"] is None
    REGISTRY.run(vae, "undo")


def test_clusters_hold_every_unit_once_and_open(cnn: Session) -> None:
    made = asked(cnn, "clusters fc1 -k 4")
    assert sorted(unit for row in made["clusters"] for unit in row["units"]) == list(range(64))
    assert len(made["clusters"]) == 4
    values = output(cnn, "fc1").double()
    for row in made["clusters"]:
        assert row["mean"] == pytest.approx(float(values[:, row["units"]].mean()))
        peaks = values[:, row["units"]].mean(1)
        assert row["samples"] == peaks.argsort(descending=True)[:3].tolist()
        by_class = {c: float(peaks[labels(cnn) == c].mean()) for c in set(labels(cnn).tolist())}
        assert row["label"] == max(by_class, key=lambda c: by_class[c])
    one = asked(cnn, "clusters 1")
    assert [row["unit"] for row in one["units"]] == made["clusters"][1]["units"]
    for row in one["units"]:
        unit = values[:, row["unit"]]
        assert (row["mean"], row["peak"]) == pytest.approx((float(unit.mean()), float(unit.max())))
        assert row["sample"] == int(unit.argmax())
        by_class = {c: float(unit[labels(cnn) == c].mean()) for c in set(labels(cnn).tolist())}
        assert row["label"] == max(by_class, key=lambda c: by_class[c])
    assert asked(cnn, "samples cluster:1")["units"] == made["clusters"][1]["units"]


def test_units_of_a_cluster_are_more_alike_than_others(cnn: Session) -> None:
    made = asked(cnn, "clusters fc1 -k 4")
    correlations = np.corrcoef(output(cnn, "fc1").numpy().T)
    of = np.empty(64, int)
    for row in made["clusters"]:
        of[row["units"]] = row["cluster"]
    same = of[:, None] == of[None]
    assert correlations[same].mean() > correlations[~same].mean() + 0.3


def test_numbers_stay_from_iteration_to_iteration(cnn: Session) -> None:
    first = asked(cnn, "clusters fc1 -k 3")
    cnn.go_to(128)
    other = asked(cnn, "clusters fc1 -k 3")
    cnn.go_to(256)
    again = asked(cnn, "clusters fc1 -k 3")
    assert again == first
    before, after = ([set(row["units"]) for row in made["clusters"]] for made in (first, other))
    kept = sum(
        len(units & other_units)
        for units, row in zip(before, first["clusters"], strict=True)
        for other_units, other_row in zip(after, other["clusters"], strict=True)
        if row["cluster"] == other_row["cluster"]
    )
    assert kept == max(sum(len(a & b) for a, b in zip(before, order, strict=True)) for order in permutations(after))


def test_dead_units_are_a_cluster_of_their_own() -> None:
    with open_recording(SHIPPED / "cnn.h5") as recording:
        session = Session(recording)
        made = asked(session, "clusters relu3")
        dead = [row for row in made["clusters"] if row["kind"] == "constant"]
        values = output(session, "relu3")
        assert sorted(dead[0]["units"]) == torch.nonzero((values == values[0]).all(0)).flatten().tolist()
        assert dead[0]["zeros"] == 1.0


def test_maps_are_the_very_values(cnn: Session) -> None:
    found = asked(cnn, "maps conv2 --units 3,7 --sample 4")
    assert [entry["unit"] for entry in found["maps"]] == [3, 7]
    for entry in found["maps"]:
        values = output(cnn, "conv2")[4, entry["unit"]]
        assert torch.allclose(torch.tensor(entry["values"]), values)
        assert (entry["low"], entry["high"]) == pytest.approx((float(values.min()), float(values.max())))
    shared = asked(cnn, "maps conv2 --units 3,7 --sample 4 --shared")["maps"]
    both = output(cnn, "conv2")[4, [3, 7]]
    assert {(e["low"], e["high"]) for e in shared} == {(float(both.min()), float(both.max()))}
    most = asked(cnn, "maps conv2 --top 3 --sample 4")["maps"]
    assert [e["unit"] for e in most] == output(cnn, "conv2")[4].amax((1, 2)).topk(3).indices.tolist()


def test_flat_squares_are_pictures(vae: Session) -> None:
    flat = asked(vae, "maps xm --sample 2")["maps"][0]
    assert torch.equal(torch.tensor(flat["values"]), output(vae, "xm")[2].reshape(8, 8))
    wide = asked(vae, "maps input --shape 4x16 --sample 2")["maps"][0]
    assert wide["shape"] == [4, 16]
    said = REGISTRY.run(vae, "maps input").blocks[0]
    assert isinstance(said, Text) and "--shape HxW" in said.text


def test_relevance_of_pixels_is_what_credit_says(vae: Session) -> None:
    found = asked(vae, "maps --relevance nonfinite")
    inputs, heat = found["maps"]
    by_pixel = {row["unit"]: row["forward"] for row in pixels(vae)}
    flat = np.array(heat["values"]).ravel()
    assert flat == pytest.approx([by_pixel.get(unit, 0.0) for unit in range(64)], rel=1e-5, abs=1e-6)
    assert heat["high"] == -heat["low"] == pytest.approx(np.abs(flat).max())
    assert inputs["sample"] == heat["sample"] == 15
    assert "93.55" in found["target"]


def pixels(session: Session) -> list[dict[str, Any]]:
    from dgmtui.credit import Propagation

    shown = session.results.crediting.credit(
        session.needed_snapshot(), "nonfinite", by="unit", propagation=Propagation()
    )
    return [row._asdict() for row in shown.contributions.inputs]


def test_edges_add_up_to_what_the_target_clusters_hold(cnn: Session) -> None:
    found = asked(cnn, "edges relu3 fc2 --top 0")["edges"]
    sinks = {row["cluster"]: row["units"] for row in asked(cnn, "clusters fc2")["clusters"]}
    sources = {row["cluster"]: row["units"] for row in asked(cnn, "clusters relu3")["clusters"]}
    replay = cnn.results.replay(cnn.needed_snapshot()).replay
    from dgmtui.trace.graph import OutsideRef

    weight = replay.value(OutsideRef("param:fc2.weight"))
    hidden, out = output(cnn, "relu3"), output(cnn, "fc2")
    for sink, units in sinks.items():
        here = [e for e in found if e["to"] == sink]
        assert sum(e["contribution"] for e in here) == pytest.approx(float(out[:, units].sum()), rel=1e-4)
        for e in here:
            if e["from"] is not None:
                inside = sources[e["from"]]
                wanted = float((hidden[:, inside] @ weight[units][:, inside].T).sum())  # a linear layer: x·w
                assert e["contribution"] == pytest.approx(wanted, rel=1e-3, abs=1e-3)
    sizes = [abs(e["contribution"]) for e in found]
    assert sizes == sorted(sizes, reverse=True)


def test_classes_are_means_over_their_samples(cnn: Session) -> None:
    found = asked(cnn, "classes conv2")
    means = output(cnn, "conv2").double().mean((2, 3))
    for row in found["classes"]:
        chosen = labels(cnn) == row["label"]
        assert row["samples"] == int(chosen.sum())
        assert row["means"] == pytest.approx(means[chosen].mean(0)[found["units"]].tolist())
    assert sorted(found["units"]) == list(range(16))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("clusters conv2 -k 17", "-k takes a number from 1 to 16"),
        ("clusters conv2 -k 0", "-k takes a number from 1 to 16"),
        ("clusters nowhere", "nowhere"),
        ("clusters 99", "has no cluster '99'"),
        ("samples cluster:99", "has no cluster '99'"),
        ("samples cluster:x", "has no cluster 'x'"),
        ("samples conv2[99]", "16 units, numbered from 0; 99 is none of them"),
        ("samples conv2[", "units are named"),
        ("samples conv2 --top -1", "--top takes a number from 0"),
        ("maps conv2 --sample 99", "the batch has samples 0 to 31; not 99"),
        ("maps conv2 --units 3,x", "--units takes numbers"),
        ("maps conv2 --units 16", "has units 0 to 15; not 16"),
        ("maps fc2", "has no feature maps"),
        ("maps fc2 --shape 3x3", "3×3 holds 9 numbers, and there are 10"),
        ("maps fc2 --shape big", "--shape takes height and width"),
        ("maps input:nothing", "no input"),
        ("maps --relevance fc2[99]", "10 units"),
        ("edges conv1", "takes two modules"),
        ("edges conv2 conv2", "give out the same values"),
        ("classes conv2 --page 2", "--page takes a number from 1 to 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_harms_nothing(cnn: Session, line: str, says: str) -> None:
    REGISTRY.run(cnn, "clusters conv2 -k 2")
    before = cnn.view()
    with pytest.raises(DgmtuiError) as caught:
        REGISTRY.run(cnn, line)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    after = cnn.view()
    assert (after.module, after.clusters) == (before.module, before.clusters)


def test_edges_against_the_flow_are_refused(cnn: Session) -> None:
    with pytest.raises(CreditError, match="nothing of fc2 goes into conv1"):
        REGISTRY.run(cnn, "edges fc2 conv1")


def test_non_finite_units_are_told_and_drawn(vae: Session) -> None:
    REGISTRY.run(vae, "set param:enc.0.weight[3] = sqrt(param:enc.0.weight[3] * 0 - 1)")
    made = asked(vae, "clusters enc.0")
    assert [row["units"] for row in made["clusters"] if row["kind"] == "non-finite"] == [[3]]
    picture = next(b for b in REGISTRY.run(vae, "maps enc.0").blocks if isinstance(b, Pictures)).pictures[0]
    assert np.isnan(picture.values).sum() == 1 and np.isfinite([picture.low, picture.high]).all()
    with pytest.raises(UsageError, match="all 8 units are non-finite"):
        REGISTRY.run(vae, "clusters mu")
    assert asked(vae, "samples enc.0[3] --top 2")["samples"][0]["value"] == "nan"
    REGISTRY.run(vae, "undo")


def test_the_tabs_show_what_the_commands_made(cnn: Session) -> None:
    for line, tab in (("maps conv1", "maps"), ("samples conv1[0]", "samples"), ("clusters conv2", "clusters")):
        result = REGISTRY.run(cnn, line)
        view = getattr(cnn.view(), tab)
        assert view.title == result.blocks[0].text  # type: ignore[union-attr]
        assert view.at == 256
        tables = [block for block in result.blocks if isinstance(block, Table)]
        assert [table.rows for table in tables] == ([view.rows] if view.rows else [])


def test_a_call_of_several_is_named_and_told(tmp_path: Path) -> None:
    script, path = tmp_path / "train.py", tmp_path / "run.h5"
    script.write_text(TWICE)
    line = [sys.executable, "-m", "dgmtui", "record", "-o", str(path), str(script)]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 0
    with open_recording(path) as recording:
        session = Session(recording)
        asked(session, "goto 0")
        first, last, unnamed = (asked(session, f"samples shared{which}[1] --top 0") for which in (":0", ":1", ""))
        assert last["samples"] == unnamed["samples"] != first["samples"]
        for which, found in ((":0", first), (":1", last)):
            whole = asked(session, f"credit shared{which}[1]")["target"]["value"]
            assert sum(row["value"] for row in found["samples"]) == pytest.approx(whole)
        blocks = REGISTRY.run(session, "samples shared[1]").blocks
        assert any(isinstance(b, Text) and b.text.startswith("shared[1] (call 2 of 2)") for b in blocks)
        assert asked(session, "clusters shared:0 -k 2")["module"] == "shared:0"
        with pytest.raises(UsageError, match="has calls 0 to 1 in this iteration; not 2"):
            REGISTRY.run(session, "samples shared:2[1]")
