"""A run that is watched: its pace, its silence, a pause, and what rings the bell."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.model import Channel, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.liveness import Liveness
from dgmtui.session.session import Session
from dgmtui.session.view import FindingRow
from dgmtui.tui.alarm import alarm

INFO = RunInfo("2026-01-01T00:00:00+00:00", "0", "2", "3", "train.py", (), "/", "cpu", 1, "AVX2", 1)


def writing(path: Path) -> RecordingWriter:
    writer = RecordingWriter(path, INFO)
    writer.begin([ModuleInfo("", "Linear", None)], [Channel("", Quantity.ACTIVATION, 0)])
    return writer


def add(writer: RecordingWriter, iterations: range) -> None:
    for iteration in iterations:
        writer.add_iteration(iteration, 1.0, 0.1)
        writer.add_row(iteration, np.zeros((1, 9)), {})
    writer.flush()


def test_pace_silence_and_another_run_of_that_name(tmp_path: Path) -> None:
    path, now = tmp_path / "run.h5", [time.time()]
    writer = writing(path)
    add(writer, range(20))
    with open_recording(path) as recording:
        live = Liveness(lambda: now[0])
        assert live.look(recording) and live.words == "10 it/s"
        assert not live.look(recording)
        now[0] += 100
        assert live.look(recording) and live.words.startswith("no iteration for 1") and live.words.endswith("killed?")
        shutil.copy(path, tmp_path / "other.h5")
        os.replace(tmp_path / "other.h5", path)
        assert live.look(recording) and live.words.startswith("another run has this name")
    writer.close(None)


def test_paused_nothing_is_taken_in_until_one_follows(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = writing(path)
    add(writer, range(20))
    with open_recording(path) as recording:
        session = Session(recording)
        with pytest.raises(UsageError, match="no run is watched"):
            REGISTRY.run(session, "pause")
        REGISTRY.run(session, "follow")
        REGISTRY.run(session, "pause")
        add(writer, range(20, 50))
        session.liveness._counted = 0.0
        assert session.refresh() and session.view().iterations == 20
        assert session.view().pace == "paused, 30 iterations behind"
        REGISTRY.run(session, "follow")
        assert session.view().iterations == 50 and session.iteration == 49 and session.view().live == "following"
    writer.close(None)


def test_the_bell_rings_once_for_what_is_new() -> None:
    with open_recording(Path(__file__).parents[2] / "recordings" / "vae.h5") as recording:
        view = replace(Session(recording).view(), live="following", findings=())
    bad = FindingRow(9, "error", "nonfinite", "exp overflows", "dec")
    worse = replace(view, findings=(bad, FindingRow(3, "warning", "loss_spike", "a spike", None)))
    assert alarm(view, worse) == "iteration 9: exp overflows" and not alarm(worse, worse)
    assert not alarm(view, replace(view, findings=worse.findings[1:])), "a warning rings no bell"
    assert alarm(worse, replace(worse, live="ended")).startswith("the run has ended after 2,579")
    silent = replace(view, pace="no iteration for 70 s: stopped or killed?")
    assert alarm(view, silent) == silent.pace and not alarm(silent, silent)
    assert not alarm(replace(view, live=""), replace(worse, live="")), "nobody watches"
