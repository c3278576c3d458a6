"""What changed together, and what is ahead, as commands on recordings that ship."""

from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Table, Text
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.trace.progress import Cancelled, Progress
from tests.answers import run

SHIPPED = Path(__file__).parents[2] / "recordings"


@pytest.fixture(scope="module")
def vae() -> Any:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording)


def test_the_vae_s_units_step_and_come_to_rest_where_its_loss_jumped(vae: Session) -> None:
    """The loss jumps at 385; rows are 25 apart."""
    groups = run(vae, "patterns")["groups"]
    step = next(group for group in groups if group["kind"] == "step")
    assert step["iteration"] == 400 and len(step["modules"]["enc.0"]["units"]) > 20
    rest = next(group for group in groups if group["kind"] == "plateau" and "enc.1" in group["modules"])
    assert rest["iteration"] == 400 and len(rest["modules"]["enc.1"]["units"]) > 20
    assert [group["iteration"] for group in groups] == sorted(group["iteration"] for group in groups)
    assert groups[-1]["kind"] == "divergence" and groups[-1]["iteration"] == 2578


def test_evidence_runs_as_it_stands(vae: Session) -> None:
    for group in run(vae, "patterns --top 0")["groups"]:
        for line in group["evidence"]:
            REGISTRY.run(vae, line)


def test_options_choose_and_a_number_shows_one(vae: Session) -> None:
    assert {group["kind"] for group in run(vae, "patterns --kind spike")["groups"]} == {"spike"}
    assert all(set(group["modules"]) <= {"xv"} for group in run(vae, "patterns --module xv --top 0")["groups"])
    every = run(vae, "patterns --top 0")
    assert every["count"] == len(every["groups"]) > len(run(vae, "patterns --top 2")["groups"]) == 2
    assert run(vae, "patterns 2")["groups"] == [every["groups"][1]]
    shown = REGISTRY.run(vae, "patterns 2").blocks
    assert isinstance(shown[0], Table) and isinstance(shown[1], Table)
    for line, said in (("patterns 999", "no group 999"), ("patterns --top -1", "--top takes")):
        with pytest.raises(UsageError, match=said):
            REGISTRY.run(vae, line)


def test_explain_tells_what_changed_with_it(vae: Session) -> None:
    said = run(vae, "explain")["data"]["preceded_by"]
    assert said["iteration"] == 400 and said["sentence"].startswith("With it, in the row of 400, these step: enc.0 ")


def test_looking_can_be_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with open_recording(SHIPPED / "cnn.h5") as recording:
        session = Session(recording, progress_factory=lambda: progress)
        for line in ("patterns", "forecast"):
            with pytest.raises(Cancelled):
                REGISTRY.run(session, line)


def test_nothing_is_forecast_of_a_training_that_has_converged() -> None:
    with open_recording(SHIPPED / "cnn-batchnorm.h5") as recording:
        answer = REGISTRY.run(Session(recording), "forecast")
    assert answer.data == {"forecasts": []}
    assert isinstance(answer.blocks[0], Text) and answer.blocks[0].text.startswith("No forecast")


def test_too_few_rows_are_said(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        said = run(Session(recording), "patterns")
        assert said["rows"] == len(recording.rows)
