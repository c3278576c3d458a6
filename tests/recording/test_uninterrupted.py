"""Where Ctrl+C comes while a recording is being made, it is whole all the same."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.recording import creating, open_recording, writer, written_file
from dgmtui.recording.appending import Staging
from dgmtui.recording.check import check
from dgmtui.recording.uninterrupted import uninterrupted


def interrupt() -> None:
    """As a terminal does; time is left in which Python notices."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)


def test_it_is_done_to_its_end_before_an_interrupt_is_raised() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):
        uninterrupted(lambda: (interrupt(), done.append(threading.current_thread())))
    assert done and done[0] is not threading.main_thread()


def test_what_it_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        uninterrupted(fail)


def test_in_another_thread_where_no_interrupt_comes_it_is_done_at_once() -> None:
    threads: list[threading.Thread] = []
    other = threading.Thread(target=lambda: uninterrupted(lambda: threads.append(threading.current_thread())))
    other.start()
    other.join()
    assert threads == [other]


def interrupted(act: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    """``act`` with an interrupt before its first call, or after it."""
    calls = []

    def both(*args: Any, **kwargs: Any) -> Any:
        calls.append(act)
        if first and len(calls) == 1:
            interrupt()
        result = act(*args, **kwargs)
        if not first and len(calls) == 1:
            interrupt()
        return result

    return both


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (writer.RecordingWriter, "begin"),
        (creating.schema, "create_growing"),
        (written_file, "switch_to_following"),
        (Staging, "__init__"),
        (writer, "Flusher"),
        (writer.RecordingWriter, "add_snapshot"),
        (writer.RecordingWriter, "add_iteration"),
    ],
)
def test_wherever_it_comes_as_the_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, first: bool
) -> None:
    monkeypatch.setattr(owner, name, interrupted(getattr(owner, name), first=first))
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(KeyboardInterrupt), dgmtui.Recorder(tmp_path / "run.h5", model, optimizer):
        for _ in range(3):
            loss = model(torch.randn(8, 5)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    monkeypatch.undo()
    report = check(tmp_path / "run.h5")
    assert report.whole and report.end is not None and report.end.reason == "interrupted"
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.losses()[0] > 0 and recording.channels
    assert not list(tmp_path.glob("*.part"))
