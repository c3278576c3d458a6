"""Scripts that know nothing of dgmtui, recorded as they are: what it finds is what an observer without it sees."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dgmtui.commands.findings_data import finding_data
from dgmtui.recording import open_recording
from tests.findings.training import found as found_by

SCRIPTS = Path(__file__).parents[1] / "scripts"
HEALTHY = ("healthy_mlp", "healthy_cnn", "conv_vae_healthy", "healthy_lstm", "attention_masked")
Observed = Callable[..., Any]


def dgmtui(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "dgmtui", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Recorded:
    path: Path
    code: int
    errors: str

    def ask(self, command: str, *options: str) -> dict[str, Any]:
        done = dgmtui(self.path, "--batch", "--json", *options, "-c", command)
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @property
    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("findings")["findings"]
        return found


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recorded]:
    @cache
    def run(name: str, every: int = 5) -> Recorded:
        path = tmp_path_factory.mktemp(name) / "run.h5"
        done = dgmtui("record", "--every", str(every), "-o", path, SCRIPTS / f"{name}.py")
        return Recorded(path, done.returncode, done.stderr)

    return run


def watch(observed: Observed, name: str) -> dict[str, Any]:
    truth: dict[str, Any] = observed("failure", str(SCRIPTS / f"{name}.py"))
    return truth


def source_line(finding: dict[str, Any]) -> str:
    path, _, line = finding["source"].rpartition(":")
    return Path(path).read_text().splitlines()[int(line) - 1].strip()


def image_number(pixels: list[float]) -> list[int]:
    """The numbers of the images among the digits that have these pixels, but for those that are not there."""
    images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    wanted = torch.tensor(pixels)
    same = (images == wanted) | wanted.isnan()
    return [int(i) for i in same.all(1).nonzero()]


def test_a_root_of_zero_fails_in_backward_for_the_pair_that_is_equal(record: Any, observed: Observed) -> None:
    recorded, truth = record("backward_sqrt"), watch(observed, "backward_sqrt")
    finding = recorded.findings[0]
    assert recorded.code == 1 and truth["phase"] == "backward"
    assert (finding["kind"], finding["phase"]) == ("nonfinite", "backward")
    assert (finding["iteration"], finding["module"]) == (truth["iteration"], truth["module"])
    assert finding["op"] == "aten.sqrt" and finding["autograd"] == truth["autograd"] == "SqrtBackward0"
    assert source_line(finding) == truth["source"]
    assert finding["samples"] == truth["cured_without"] and finding["sample"] == finding["samples"][0]
    assert finding["unit"] is None and finding["value"] == 0.0
    assert finding["dataset_index"] in image_number(truth["batch"][finding["sample"]])
    replay = recorded.ask("replay")
    assert {replay["forward"], replay["gradient"]} <= {"matches", "agrees"}


def test_a_missing_measurement_is_found_in_the_batch(record: Any, observed: Observed) -> None:
    recorded, truth = record("input_nan"), watch(observed, "input_nan")
    finding = recorded.findings[0]
    assert recorded.code == 1 and truth["phase"] == "input"
    for field in ("iteration", "phase", "module", "op", "source"):
        assert finding[field] == truth[field], field
    assert finding["samples"] == truth["cured_without"] and finding["sample"] == finding["samples"][0]
    assert finding["dataset_index"] in image_number(truth["batch"][finding["sample"]])
    assert str(truth["elements"][0]) in finding["message"]
    row, feature = truth["elements"][0]
    target = recorded.ask("credit nonfinite")["target"]
    assert (target["module"], target["unit"], target["sample"]) == ("input:xb", feature, row)


def test_a_probability_of_zero_is_found_behind_batch_norm_and_dropout(record: Any, observed: Observed) -> None:
    """Batch norm lets every row matter; the sample is the row whose probability is zero."""
    recorded, truth = record("log_softmax_zero"), watch(observed, "log_softmax_zero")
    finding = recorded.findings[0]
    assert recorded.code == 1 and truth["op"] == "aten.log"
    for field in ("iteration", "phase", "module", "op"):
        assert finding[field] == truth[field], field
    assert source_line(finding) == truth["source"]
    assert finding["sample"] == truth["elements"][0][0] and finding["value"] == 0.0
    assert set(truth["cured_without"]) <= set(finding["samples"])
    wine = runpy.run_path(str(SCRIPTS / "log_softmax_zero.py"))["Wine"]()
    np.testing.assert_array_equal(wine.rows[finding["dataset_index"]], np.float32(truth["batch"][finding["sample"]]))


def test_a_statistic_of_the_batch_is_no_samples_doing(record: Any) -> None:
    """Feature 5 is the same in all rows from iteration 37 on: its variance is zero, whatever row is exchanged."""
    finding = record("batch_statistic").findings[0]
    assert (finding["iteration"], finding["phase"], finding["op"]) == (37, "forward", "aten.rsqrt")
    assert (finding["sample"], finding["samples"], finding["unit"]) == (None, list(range(12)), 5)
    assert finding["value"] == 0.0 and "All 12 rows of the batch" in finding["message"]
    credit = record("batch_statistic").ask("credit nonfinite")
    assert (credit["target"]["unit"], credit["target"]["sample"], credit["target"]["value"]) == (5, None, 0.0)
    assert "[5] = 0, then rsqrt = inf" in record("batch_statistic").ask("chain nonfinite")["sentence"]


def test_a_mean_of_nothing_is_no_samples_doing(record: Any, observed: Observed) -> None:
    finding, truth = record("nothing_counted").findings[0], watch(observed, "nothing_counted")
    for field in ("iteration", "phase", "op"):
        assert finding[field] == truth[field], field
    assert source_line(finding) == truth["source"] and truth["cured_without"] == []
    assert (finding["sample"], finding["samples"], finding["value"]) == (None, list(range(10)), 0.0)
    assert "the divisor is 0" in finding["message"]


def test_a_wholly_masked_row_is_told_with_its_mask_and_needs_no_unit(record: Any) -> None:
    """The sixth sentence of iteration 21 is empty: no score of it is left, and no number put the NaN there."""
    recorded = record("all_masked")
    finding = recorded.findings[0]
    assert (finding["iteration"], finding["phase"], finding["op"]) == (21, "forward", "aten._softmax")
    assert (finding["sample"], finding["samples"]) == (6, [6])
    assert "aten.masked_fill" in finding["message"] and "all_masked.py:18" in finding["message"]
    assert "range of its dtype" not in finding["message"] and "unmasked" in finding["advice"]
    credit, chain = recorded.ask("credit nonfinite"), recorded.ask("chain nonfinite")
    assert credit["rows"] == [] and credit["target"]["sample"] == 6 and "masked_fill" in credit["target"]["text"]
    assert [link["op"] for link in chain["links"]] == ["aten._softmax"] and "no unit" in chain["sentence"]


def test_the_deviation_of_one_row_is_told_as_such(record: Any, observed: Observed) -> None:
    recorded, truth = record("single_row"), watch(observed, "single_row")
    finding = recorded.findings[0]
    for field in ("iteration", "phase", "op"):
        assert finding[field] == truth[field], field
    assert "degree of freedom" in finding["message"] and "drop_last" in finding["advice"]
    assert finding["value"] is None and recorded.ask("credit nonfinite")["rows"] == []
    again = dgmtui(recorded.path, "--batch", "-c", "replay")
    assert "Warning" not in again.stderr


WITHOUT_CAUSES = [f"--threshold={name}=1e9" for name in ("input_large", "update_large", "overshoot_rise")]
"""An unscaled input and steps too long are what dead units are a consequence of."""
CAUSES = {"dead_mlp": "bad_input", "dead_functional": "update_too_large", "dead_cnn": "update_too_large"}
BATCHES = {"dead_mlp": 64, "dead_functional": 48, "dead_cnn": 32}


@pytest.mark.parametrize("name", BATCHES)
def test_dead_rectifiers_are_named_with_what_feeds_them(record: Any, observed: Observed, name: str) -> None:
    """A function whose gradient stops further on can't be judged unit by unit; a module always is."""
    recorded = record(name, every=1)
    rows = -(-160 // BATCHES[name])
    truth = observed("zeros", str(max(5, rows)), str(SCRIPTS / f"{name}.py"))["rectifiers"]
    dead = {each["fed_by"]: each for each in truth if each["dead"] >= 0.5 * each["units"]}
    first = recorded.findings[0]
    assert first["kind"] == CAUSES[name] and any("dead" in each for each in first["consequences"])
    detected = [finding_data(each) for each in found_by(open_recording(recorded.path), "dead_units")]
    found = {re_fed_by(each["message"]): each for each in detected}
    assert recorded.code == 0 and found
    assert found.keys() == dead.keys() if name == "dead_mlp" else found.keys() <= dead.keys()
    assert {fed for fed, each in dead.items() if each["dead"] == each["units"]} <= found.keys()
    for fed_by, finding in found.items():
        each = dead[fed_by]
        share = each["dead"] / each["units"]
        if name == "dead_functional":  # told from the batches of all snapshots, in which a unit may fire yet
            assert 0.9 * share <= finding["value"] <= share
        else:
            assert finding["value"] == share
        assert (finding["module"], finding["op"]) == (each["module"], "aten.relu")
        assert (finding["severity"] == "error") == (finding["value"] >= 0.9)
    if name == "dead_functional":
        assert all("F.relu(" in source_line(finding) for finding in found.values())


def test_a_stuck_cnn_is_told_as_a_chain_from_the_layer_that_fell_below_zero(record: Any) -> None:
    """The layers after the last one that lets anything through are dead for want of input, those before it are not."""
    recorded = record("dead_cnn", every=1)
    told = recorded.ask("dead")
    dead = {layer["label"]: layer for layer in told["layers"] if layer["dead"] == layer["units"]}
    first = min(dead.values(), key=lambda layer: layer["since"])
    assert first["label"] == "acts.3" and first["fed_by"] == "stages.3" and first["feeds"] == ["hidden"]
    assert first["silent_samples"] == first["below"] == 1.0 and first["input"][0] >= 0 and first["bias"][1] < 0
    hidden = next(layer for layer in told["layers"] if layer["fed_by"] == "hidden")
    assert hidden["label"] == "relu at dead_cnn.py:21" and hidden["input"] == [0, 0]
    assert hidden["since"] > first["since"] and "nothing but zeros" in hidden["cause"]
    explained = recorded.ask("explain", *WITHOUT_CAUSES)
    assert explained["finding"]["module"] == "acts.3" and explained["data"]["alive_until"] < first["since"]
    assert explained["chain"].startswith("`stages.3` fell below zero between iterations")
    assert explained["data"]["largest_update"]["share"] > 1 and explained["data"]["weight_mean"]["since"] < 0
    assert any("`hidden` gets nothing but zeros" in each for each in explained["finding"]["consequences"])


def re_fed_by(message: str) -> str:
    return message.split(" feeds")[0].rpartition("which ")[2].strip("`")


def test_an_exception_is_the_users_own_and_the_recording_is_whole(record: Any, observed: Observed) -> None:
    recorded, truth = record("raises"), watch(observed, "raises")
    assert recorded.code == 1
    assert recorded.errors.rstrip().splitlines()[-1] == truth["raised"] or truth["raised"] in recorded.errors
    assert "Traceback" in recorded.errors and "dgmtui/" not in recorded.errors.split("Traceback")[1]
    done = dgmtui("check", recorded.path)
    assert done.returncode == 0 and str(truth["iteration"] - 1) in done.stdout
    (error,) = (finding for finding in recorded.findings if finding["severity"] == "error")
    assert error["kind"] == "exception" and truth["raised"].splitlines()[-1] in error["message"]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_raises_no_alarm(record: Any, observed: Observed, name: str) -> None:
    recorded = record(name)
    assert watch(observed, name) is None
    assert recorded.code == 0 and "recording stopped" not in recorded.errors
    severities = [finding["severity"] for finding in recorded.findings]
    assert "error" not in severities and severities.count("warning") <= 1
