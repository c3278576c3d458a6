"""``dgmtui DIR`` without a screen: a table, or one JSON object."""

import json
import shutil
from pathlib import Path

import pytest

from dgmtui.cli import main

RECORDINGS = Path(__file__).parents[2] / "recordings"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    shutil.copy(RECORDINGS / "vae.h5", tmp_path)
    shutil.copy(RECORDINGS / "cnn-batchnorm.h5", tmp_path)
    (tmp_path / "notes.h5").write_text("no recording")
    return tmp_path


def test_a_table_tells_the_state_and_the_worst_finding(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(directory), "--batch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    vae = next(line for line in lines if "vae.h5" in line)
    assert "■  vae.h5" in vae and "stopped" in vae and "✗ 2,578 nonfinite" in vae
    assert "none" in next(line for line in lines if "batchnorm" in line)
    assert "is not an HDF5 file" in next(line for line in lines if "notes" in line)


def test_json_is_one_object_as_the_reference_documents_it(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(directory), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["command"], said["directory"]) == ("runs", str(directory))
    runs = {Path(run["path"]).name: run for run in said["runs"]}
    vae, healthy = runs["vae.h5"], runs["cnn-batchnorm.h5"]
    assert list(vae) == ["path", "paths", "state", "detail", "iterations", "loss", "written", "finding"]
    assert (vae["state"], vae["detail"], vae["iterations"]) == ("stopped", "nonfinite at iteration 2578", 2579)
    finding = vae["finding"]
    assert (finding["kind"], finding["severity"], finding["iteration"]) == ("nonfinite", "error", 2578)
    assert finding["count"] == 2 and "non-finite" in finding["message"]
    assert (healthy["state"], healthy["finding"]) == ("done", None)
    assert runs["notes.h5"]["state"] == "unreadable"


def test_an_empty_directory_is_no_error_and_commands_need_one_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--batch"]) == 0
    assert "no recording" in capsys.readouterr().out
    assert main([str(tmp_path), "-c", "findings", "--batch"]) == 2
    assert "is a directory" in capsys.readouterr().err


def test_help_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "dgmtui runs/ --batch --json" in said and "its runs" in said
