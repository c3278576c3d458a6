"""The paper's study of the VAE as scripts in ``recordings/``, run in batch mode: what each trial says."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgmtui.cli import main

SHIPPED = Path(__file__).parents[2] / "recordings"


def study(name: str, script: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main([str(SHIPPED / f"{name}.h5"), "--batch", "--json", "-x", str(SHIPPED / script)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return [json.loads(line) for line in said.out.splitlines()]


def test_both_trials_hold_at_the_iteration_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    there, explained, chain, double, replaced, replay, undone, everywhere, _, variance, again, edits, patch = study(
        "vae", "vae-study.dgm", capsys
    )
    assert (there["iteration"], there["module"], there["unit"], there["sample"]) == (2578, "xv", 16, 15)
    assert explained["finding"]["op"] == "aten.exp"
    assert chain["links"][-1]["module"].startswith("input:") and chain["links"][-1]["sample"] == 15
    assert double["beside"]["conclusion"] == "precision" and double["beside"]["value"] > double["beside"]["limit"]
    assert (replaced["held"], replaced["births"], replaced["edits"]) == (True, [], ["set input[0][15] = input[0][3]"])
    assert replaced["gone"] == [{"kind": "nonfinite", "iteration": 2578}]
    assert (replay["verdict"], replay["loss"]) == (
        "edited (1 edit): not compared with the training", replaced["loss"]
    )  # fmt: skip
    assert (undone["held"], undone["edits"], undone["loss"]) == (False, [], "inf")
    assert undone["births"][0]["op"] == "aten.exp"
    assert everywhere["held"] and everywhere["note"].startswith("replaced nodes 10 (aten.exp, ")
    assert variance["held"] and variance["note"].startswith("replaced node 20 (aten.exp, ")
    assert again["loss"] == variance["loss"] != everywhere["loss"]
    assert edits["edits"] == ["replace exp at xv with softplus + 0.01"]
    (change,) = patch["changes"]
    assert (change["file"], change["line"]) == ("dgmtui/demos/vae.py", 32)
    assert "softplus(xv) + 0.01" in patch["patch"] and "- return torch.exp(xv)" in " ".join(patch["patch"].split())


def test_the_replaced_image_does_not_last_and_another_fails(capsys: pytest.CaptureFixture[str]) -> None:
    there, explained, _, replaced, undone, variance = study("vae-replaced", "vae-replaced-study.dgm", capsys)
    assert (there["iteration"], there["module"], there["sample"]) == (2810, "xv", 4)
    assert explained["finding"]["op"] == "aten.exp"
    assert [said["held"] for said in (replaced, undone, variance)] == [True, False, True]


def test_people_read_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    main([str(SHIPPED / "vae.h5"), "--batch", "-x", str(SHIPPED / "vae-study.dgm")])
    said = capsys.readouterr().out
    trial = said.split("(dgm) set input[0][15] = input[0][3]")[1].split("(dgm) replay")[0]
    assert "edited (1 edit): not compared with the training" in trial and "(recorded inf)" in trial
    assert "everything is finite, forward and backward; the finding `nonfinite` at 2,578 would be gone" in trial
    assert "inf is born in forward: aten.exp, unit 16, sample 15" in said.split("(dgm) undo")[1]
    assert "replay matches" not in trial
