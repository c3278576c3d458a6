"""graph, node, inputs, outputs and list, on the VAE that ships and on a small recording."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Graph, Table, Text
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.text import block_rows
from dgmtui.session.session import Session
from tests.answers import asked

SHIPPED = Path(__file__).parents[2] / "recordings"
EXP = 20
"""Of ``vae.h5``, the node that overflows; 19 is what it takes, the last of ``xv``."""


@pytest.fixture
def traced() -> Iterator[Session]:
    """The VAE, not replayed."""
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording)


@pytest.fixture(scope="module")
def replayed() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording, thorough=True)
        REGISTRY.run(session, "next-nonfinite")
        yield session


def said(session: Session, line: str, width: int | None = None) -> str:
    rows = [row for block in REGISTRY.run(session, line).blocks for row in block_rows(block, width)]
    return "\n".join("".join(text for text, _ in row).rstrip() for row in rows)


def named_edges(turn: dict[str, Any]) -> set[tuple[str, str]]:
    names = [node["label"] for node in turn["nodes"]]
    return {(names[edge["from"]], names[edge["to"]]) for edge in turn["edges"]}


def test_the_graph_of_the_vae_shows_its_reparameterisation(traced: Session) -> None:
    (turn,) = asked(traced, "graph")["turns"]
    assert {("mu", "mul exp add"), ("logvar", "mul exp add"), ("randn_like", "mul exp add")} <= named_edges(turn)
    assert ("mul exp add", "dec.0") in named_edges(turn)
    assert [node["label"] for node in turn["nodes"] if node["random"]] == ["randn_like"]
    assert all(node["min"] is None and node["nonfinite"] is None for node in turn["nodes"])
    assert next(node["shape"] for node in turn["nodes"] if node["label"] == "mu") == [16, 8]


def test_after_a_replay_ranges_flow_and_the_way_to_the_birth_is_marked(replayed: Session) -> None:
    (turn,) = asked(replayed, "graph")["turns"]
    (born,) = [node for node in turn["nodes"] if node["born"]]
    assert (born["label"], born["nonfinite"], born["health"]) == ("exp", 1, "error")
    into = next(edge for edge in turn["edges"] if edge["to"] == born["id"])
    assert into["on_path"] and into["max"] == pytest.approx(93.546, abs=0.01)
    path = [node["label"] for node in turn["nodes"] if node["on_path"]]
    assert path[0] == "argument0" and path[-2:] == ["xv", "exp"] and "xm" not in path
    assert next(node for node in turn["nodes"] if node["loss"])["health"] == "nonfinite"


def test_the_graph_reads_without_colour(replayed: Session) -> None:
    text = said(replayed, "graph")
    assert "✗" in next(line for line in text.splitlines() if " exp " in line and "mul" not in line)
    assert "○" in next(line for line in text.splitlines() if "randn_like" in line)
    assert "┃" in text and "draws at random" in text


def test_the_inside_of_a_module_and_how_deep(traced: Session) -> None:
    assert [node["label"] for node in asked(traced, "graph enc")["turns"][0]["nodes"]] == [
        "argument0",
        "enc.0",
        "enc.1",
    ]
    labels = {node["label"] for node in asked(traced, "graph . --depth 1")["turns"][0]["nodes"]}
    assert "enc" in labels and "enc.0" not in labels
    assert len(asked(traced, "graph --all")["turns"][0]["nodes"]) > len(labels)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("graph nosuch", "nosuch"),
        ("graph --depth -1", "--depth N opens N levels"),
        ("inputs 999", "there is no node 999; they are 0 to 36"),
        ("inputs fo", "'fo' is no node"),
        ("outputs --top -3", "--top N lists N rows"),
        ("list --lines -1", "--lines N shows N lines"),
        ("node 37", "there is no node 37"),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence(traced: Session, line: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        REGISTRY.run(traced, line)


def test_what_feeds_the_birth(replayed: Session) -> None:
    told = asked(replayed, f"inputs {EXP}")
    assert [(row["node"], row["op"], row["module"]) for row in told["rows"]] == [(19, "aten.addmm", "xv")]
    direct = asked(replayed, "inputs 19")["rows"]
    assert [row["name"] for row in direct] == ["xv.bias", "xv.weight, t", "aten.relu"]
    assert direct[2]["min"] == 0 and direct[2]["nonfinite"] == 0


def test_all_that_feeds_it_back_to_the_batch(replayed: Session) -> None:
    told = asked(replayed, f"inputs {EXP} -r --top 0")
    nodes = [row["node"] for row in told["rows"]]
    assert nodes == sorted((n for n in nodes if n is not None), reverse=True) + [None]
    assert told["rows"][-1]["name"] == "argument0" and told["rows"][-1]["of"] == [1]
    assert 17 not in nodes, "xm does not lead there"
    assert len(nodes) - 1 == told["behind"] and told["left_out"] == 0
    add = next(row for row in told["rows"] if row["node"] == 4)
    assert add["parameters"] == ["mu.bias", "mu.weight"]


def test_all_that_depends_on_it_up_to_the_loss(replayed: Session) -> None:
    told = asked(replayed, f"outputs {EXP} -r")
    assert [row["node"] for row in told["rows"]] == [23, 24, 25, 26, 27, 35, 36]
    assert [row["node"] for row in told["rows"] if not row["nonfinite"]] == [23], "a division by inf is 0"


def test_long_ways_are_cut_and_say_so(replayed: Session) -> None:
    told = asked(replayed, "inputs 36 -r --top 5")
    assert len(told["rows"]) == 5 and told["left_out"] == 26
    assert "26 more; --top 0 lists them" in said(replayed, "inputs 36 -r --top 5")


def test_a_tree_of_inputs_fits_80_columns(replayed: Session) -> None:
    lines = said(replayed, "inputs 36 -r", width=79).splitlines()
    assert max(map(len, lines)) <= 79
    assert any("├─" in line and "exp" in line for line in lines)


def test_without_a_number_it_is_where_the_first_non_finite_value_was_born(replayed: Session) -> None:
    assert asked(replayed, "inputs")["node"] == EXP
    assert asked(replayed, "node")["node"] == EXP


def test_one_operation_after_the_other_is_looked_at() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        REGISTRY.run(session, "module xv")
        assert [asked(session, "node next")["node"] for _ in range(4)] == [18, 19, 20, 20]
        assert asked(session, "node prev")["node"] == 19
        assert asked(session, "inputs")["node"] == asked(session, "list")["node"] == 19
        told = asked(session, "node 2")
        assert (told["module"], session.module) == ("enc.1", "enc.1"), "it was not among what was shown"
        assert told["takes"] == ["#1"] and told["nonfinite"] is None


def test_the_source_is_listed_with_what_each_line_ran(replayed: Session) -> None:
    told = asked(replayed, f"list {EXP}")
    here = next(line for line in told["lines"] if line["here"])
    assert "torch.exp(xv)" in here["text"]
    assert [(each["node"], each["nonfinite"], each["born"]) for each in here["operations"]] == [(EXP, 1, True)]
    text = said(replayed, f"list {EXP}")
    line = next(line for line in text.splitlines() if "torch.exp(xv)" in line)
    assert line.startswith("✗") and "1 of 1,024 not finite" in line


def test_a_source_that_is_not_there_is_told_from_the_recording(
    small_recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_recording(small_recording) as recording:
        told = asked(session := Session(recording), "list 2")
        assert not told["whole"] and [line["line"] for line in told["lines"]] == [12, 20]
        assert "train.py is not there" in told["note"]
        (tmp_path / "train.py").write_text(
            "\n" * 10 + "def forward(self, x):\n    return self.enc(x).exp()\nprint(1)\n"
        )
        there = asked(session, "list 2 --lines 9")
        assert there["whole"] and [line["line"] for line in there["lines"]][-1] == 20
        assert "line 20" in there["note"], "it is another line by now, and not in the file"
        (tmp_path / "train.py").write_text("\n" * 10 + "def forward(self, x):\n    return self.enc(x).log()\n")
        assert not asked(session, "list 2")["whole"]


def test_answers_are_blocks_that_a_screen_draws(replayed: Session) -> None:
    graph = REGISTRY.run(replayed, "graph")
    assert isinstance(graph.blocks[0], Graph) and isinstance(graph.said, Text)
    assert isinstance(REGISTRY.run(replayed, "inputs").blocks[0], Graph)
    assert isinstance(REGISTRY.run(replayed, "list").blocks[0], Table)


def test_the_look_at_all_snapshots_keeps_the_replay_that_the_screen_opens_on() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        session.ranks.findings()
        assert session.snapshot is not None and session.results.replayed(session.snapshot) is not None
        assert asked(session, "graph")["turns"][0]["nodes"][0]["max"] == 16
