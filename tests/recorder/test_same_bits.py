"""Recorded and not, a training ends with the same bits: losses, weights, optimisers' states, random generators."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from dgmtui.demos import DEMOS
from dgmtui.recorder.launch import run_script
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import OF_WEIGHTS

LOOPS = Path(__file__).parents[1] / "loops"
FINGERPRINT = str(Path(__file__).with_name("fingerprint.py"))
STEPS = {"vae": 260, "vae-replaced": 40, "vae-softplus": 260, "cnn": 60, "cnn-batchnorm": 60}
"""Of the demos, which are longer."""
FOLLOWED = (
    "bfloat16_model complex_signal double_model gan_jointly half_model lbfgs scaled_half sparse_embedding tied_weights"
)
"""Loops whose weights are of other types, shared, sparse in their gradients or met late."""


def assert_same_bits(
    target: str,
    limit: int,
    path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    elements: int = 0,
) -> list[str]:
    monkeypatch.setattr(sys, "argv", [FINGERPRINT, target, str(limit)])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)  # which would outlive the test
    runpy.run_path(FINGERPRINT, run_name="__main__")
    alone = capfd.readouterr().out.splitlines()
    outcome = run_script(
        FINGERPRINT, [target, str(limit)], output=path, every=7, on_nonfinite="continue", elements=elements
    )
    recorded = capfd.readouterr().out.splitlines()
    assert outcome.exit_code == 0 and recorded == alone
    assert int(alone[-4].split()[1]) > 0, "there were weights to compare"
    return alone


@pytest.mark.parametrize("name", sorted(path.stem for path in LOOPS.glob("*.py")))
def test_a_loop_ends_with_the_same_bits(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also past the iteration that fails it, where the training goes on."""
    printed = assert_same_bits(str(LOOPS / f"{name}.py"), -1, tmp_path / "r.h5", capfd, monkeypatch)
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == len(printed) - 4 == 40


@pytest.mark.parametrize("name", FOLLOWED.split())
def test_following_elements_changes_no_bits(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_bits(str(LOOPS / f"{name}.py"), -1, tmp_path / "r.h5", capfd, monkeypatch, elements=25)
    with open_recording(tmp_path / "r.h5") as recording:
        followed = {channel.quantity for channel in recording.channels if channel.elements}
        assert followed == (set() if name == "complex_signal" else OF_WEIGHTS)
    assert check(tmp_path / "r.h5").whole


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_ends_with_the_same_bits(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same_bits(DEMOS[name].module, STEPS[name], tmp_path / "r.h5", capfd, monkeypatch)
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.iteration_count == STEPS[name]
