"""The fewest samples that fail: of recordings where that is known, and against trying every subset."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.bisecting import reduced
from dgmtui.session.session import Session
from dgmtui.trace.edits import DropSample, KeepSamples, edited
from dgmtui.trace.progress import Cancelled, Progress

SHIPPED = Path(__file__).parents[2] / "recordings"


def run(session: Session, line: str = "bisect") -> dict[str, Any]:
    return dict(REGISTRY.run(session, line).data)


def text(session: Session) -> str:
    return "\n".join(str(getattr(block, "text", "")) for block in REGISTRY.run(session, "bisect").blocks)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Records one step of ``loss(model(x))`` that fails."""
    opened = []

    def record(x: Tensor, loss: Callable[[Tensor], Tensor], model: nn.Module | None = None) -> Session:
        model = nn.Linear(1, 1, bias=False) if model is None else model
        with torch.no_grad():
            next(model.parameters()).fill_(1.0)
        optimizer = torch.optim.SGD(model.parameters(), 1e-6)
        path = tmp_path / f"{len(opened)}.h5"
        with dgmtui.Recorder(path, model, optimizer, on_nonfinite="continue"):
            for batch in (x * 0.01, x):
                optimizer.zero_grad()
                loss(model(batch)).backward()
                optimizer.step()
        opened.append(open_recording(path))
        return Session(opened[-1])

    yield record
    for recording in opened:
        recording.close()


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).unsqueeze(1)


def test_a_sample_that_fails_alone_is_found(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        told = run(Session(recording))
        assert (told["rows"], told["size"], told["alone"], told["holds_without"]) == ([2], 4, [], True)
        assert told["replays"] == 2 and not told["interact"] and told["copied"] is None
        assert told["birth"] == "aten.exp"


def test_of_a_real_recording_with_random_draws() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        told = run(Session(recording))
        assert (told["rows"], told["dataset_index"], told["holds_without"]) == ([15], [1070], True)


def test_several_that_fail_alone_are_all_named(failing: Any) -> None:
    session = failing(column(1, 99, 2, 3, 95, 4), lambda out: out.exp().mean())
    told = run(session)
    assert (told["rows"], told["alone"], told["holds_without"]) == ([1], [4], True)
    assert "sample 1 fails alone, of 6, and so do 4" in text(session)


def test_samples_that_fail_only_together(failing: Any) -> None:
    session = failing(column(1, 50, 2, 3, 48, 4, 5, 6), lambda out: out.sum(0).exp().mean())
    told = run(session)
    assert told["rows"] == [1, 4] and told["alone"] == [] and told["holds_without"] is True
    assert "samples 1, 4 fail together, of 8" in text(session)


def test_rows_that_depend_on_each_other_are_said_to(failing: Any) -> None:
    session = failing(column(1, 1, 300, 1, 1, 1), lambda out: (out - out.mean(0)).exp().mean())
    told = run(session)
    assert len(told["rows"]) == 2 and 2 in told["rows"]  # alone, it is its own mean
    assert told["interact"]
    assert "what the smaller batch does" in text(session)


def test_what_every_row_is_needed_for(failing: Any) -> None:
    session = failing(column(23, 23, 23, 23), lambda out: out.sum(0).exp().mean())
    told = run(session)
    assert told["rows"] == [0, 1, 2, 3] and told["holds_without"] is None
    assert "all 4 rows of the batch are needed" in text(session)


def test_a_healthy_iteration_is_refused(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        run(session, "goto 0")
        with pytest.raises(UsageError, match="does not fail"):
            run(session)


def test_it_can_be_cancelled_and_tells_how_far_it_is(failing: Any) -> None:
    session = failing(
        column(*[30.0 if row % 16 == 1 else 0.0 for row in range(64)]), lambda out: out.sum(0).exp().mean()
    )
    told: list[tuple[float, str]] = []

    def hear(done: float, said: str) -> None:
        told.append((done, said))
        if "of 64 rows" in said and len([s for _, s in told if "of 64 rows" in s]) == 3:
            session.cancel()

    session.results._make_progress = lambda: Progress(hear)
    with pytest.raises(Cancelled):
        run(session)
    assert "of 64 rows" in told[-1][1]


@given(st.sets(st.integers(0, 8), min_size=1), st.integers(0, 4))
def test_ddmin_finds_the_one_set_that_is_needed(needed: set[int], more: int) -> None:
    size = max(needed) + 1 + more
    assert set(reduced(tuple(range(size)), lambda rows: needed <= set(rows))) == needed


@given(st.integers(2, 7), st.integers(0, 2**20))
def test_of_what_ddmin_finds_nothing_can_be_left_out(size: int, seed: int) -> None:
    """Whatever fails or not: subsets are drawn at random, all of the batch fails."""
    subsets = [rows for count in range(1, size) for rows in combinations(range(size), count)]
    random = torch.Generator().manual_seed(seed)
    chosen = {rows for rows in subsets if torch.rand((), generator=random) < 0.3} | {tuple(range(size))}
    rows = reduced(tuple(range(size)), chosen.__contains__)
    assert rows in chosen
    for row in rows if len(rows) > 1 else ():
        assert tuple(other for other in rows if other != row) not in chosen


def test_rows_kept_at_once_are_those_left_after_dropping_one_by_one() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        whole = session.results.replay(session.needed_snapshot()).replay
        dropped = [DropSample(f"drop sample {row}", row) for row in (15, 9, 4, 0)]
        one_by_one, _ = edited(whole, dropped)
        left = tuple(row for row in range(16) if row not in (15, 9, 4, 0))
        at_once, iteration = edited(whole, [KeepSamples("keep", left)])
        one_by_one.forward()
        at_once.forward()
        assert iteration.said == ""
        assert float(at_once.loss) == float(one_by_one.loss)
