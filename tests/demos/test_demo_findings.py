"""What dgmtui finds in the demos is what an observer without dgmtui sees in the same environment."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.model import Measure, Quantity

Ask = Callable[[Path], list[dict[str, Any]]]
RECORDINGS = Path(__file__).parents[2] / "recordings"


def test_the_vae_recorded_now_is_explained_as_an_observer_sees_it(
    findings: Ask,
    recorded: Callable[..., Path],
    observed: Callable[..., Any],
    image_number: Callable[[list[float]], int],
) -> None:
    first = findings(recorded("dgmtui.demos.vae", every=25))[0]
    truth = observed("failure", "-m", "dgmtui.demos.vae")
    sample, unit = truth["elements"][0]
    assert (first["kind"], first["severity"]) == ("nonfinite", "error")
    for field in ("iteration", "phase", "module", "op"):
        assert first[field] == truth[field], field
    assert (first["sample"], first["unit"]) == (sample, unit)
    assert first["samples"] == truth["cured_without"]
    assert first["dataset_index"] == image_number(truth["batch"][sample])


@pytest.mark.parametrize("name", ["vae", "vae-replaced"])
def test_a_shipped_vae_recording_is_explained_by_what_is_stored_in_it(findings: Ask, name: str) -> None:
    first = findings(RECORDINGS / f"{name}.h5")[0]
    with open_recording(RECORDINGS / f"{name}.h5") as recording:
        losses = recording.losses()
        assert first["iteration"] == int(np.flatnonzero(~np.isfinite(losses))[0]) == len(losses) - 1
        snapshot = recording.snapshot(first["iteration"])
        assert snapshot is not None
        assert first["dataset_index"] == snapshot.extra["dataset_index"][first["sample"]]
        extreme = recording.statistics(recording.channel("xv", Quantity.ACTIVATION))[-1]
        assert first["value"] == pytest.approx(extreme[1]) and np.exp(np.float64(first["value"])) > 3.4e38
        text = recording.trace(snapshot.trace)
    assert (first["kind"], first["phase"], first["op"]) == ("nonfinite", "forward", "aten.exp")
    assert "torch.exp(xv)" in text and first["source"].rpartition(":")[0].endswith("vae.py")
    if name == "vae":  # by hand: the gradient of xv[16] is 361 at 388 for one sample, at most 7.8 in the 288 before
        assert first["onset"] == 388 and losses[388] > 10 * np.median(losses[300:375])


def test_the_stuck_cnn_is_explained_by_its_dead_rectifiers(findings: Ask) -> None:
    """One account: the layers that are dead, and the stuck loss as what follows."""
    (found,) = findings(RECORDINGS / "cnn.h5")
    assert (found["kind"], found["severity"]) == ("dead_units", "error")
    with open_recording(RECORDINGS / "cnn.h5") as recording:
        losses = recording.losses()
        for module in ("relu1", "relu2", "relu3"):
            zeros = np.asarray(recording.series(recording.channel(module, Quantity.ACTIVATION), Measure.ZEROS)[-20:])
            assert float((zeros == 1).all(axis=0).mean()) >= 0.5 and f"`{module}`" in found["message"]
        share = float((np.asarray(recording.series(recording.channel(found["module"], Quantity.ACTIVATION),
                                                   Measure.ZEROS)[-20:]) == 1).all(axis=0).mean())  # fmt: skip
        assert found["value"] == share and f"{share:.0%}" in found["message"]
    (stuck,) = [sentence for sentence in found["consequences"] if "The loss has been stuck near" in sentence]
    told = re.search(r"near ([\d.]+) since iteration (\d+)", stuck)
    assert told is not None
    assert float(told[1]) == pytest.approx(np.median(losses[len(losses) // 2 :]), rel=0.02)
    assert abs(losses[int(told[2]) :].mean() - float(told[1])) < 0.1


@pytest.mark.parametrize("name", ["vae-softplus", "cnn-batchnorm"])
def test_the_cures_show_no_failure(findings: Ask, name: str) -> None:
    assert not {finding["kind"] for finding in findings(RECORDINGS / f"{name}.h5")} & {"nonfinite", "loss_stuck"}
