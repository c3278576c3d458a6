"""Where a training leaves its past a snapshot is taken; where it goes its way, however restless, hardly ever."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.recorder import keeping
from dgmtui.recorder.onset import IN_A_ROW, LEAST, PAST, RECENT, SHARE, Onsets, Past
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import Event, Match, SnapshotInfo
from dgmtui.session.session import Session
from dgmtui.trace.replay import load_replay
from dgmtui.trace.verify import verify_elsewhere

FULL = PAST + RECENT
"""From this value on a past is complete."""


def departures(values: Any) -> list[int]:
    """Places of the values that depart from those before."""
    past = Past()
    return [place for place, value in enumerate(values) if past.follow(float(value)) is not None]


def onsets(values: Any) -> list[int]:
    followed = Onsets()
    return [i for i, value in enumerate(values) if followed.follow(i, "loss", float(value)) is not None]


def noise(seed: int, count: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


@given(st.integers(0, 10_000), st.integers(-60, 60), st.floats(-50, 50))
@settings(max_examples=50)
def test_the_unit_of_a_loss_changes_nothing(seed: int, power: int, level: float) -> None:
    values = np.random.default_rng(seed).standard_t(1.5, 400) + level
    assert departures(values * 2.0**power) == departures(values)


@given(st.integers(0, 10_000), st.floats(-500, 500))
@settings(max_examples=50)
def test_a_jump_is_seen_at_any_level_of_either_sign(seed: int, level: float) -> None:
    """By a hundred standard deviations, a fifth of the level or more."""
    values = noise(seed) + level
    values[300] += 100
    assert departures(values) == [300]


def test_how_large_a_jump_is_seen() -> None:
    def share(size: float) -> float:
        return sum(departures([*noise(seed, 200), size]) == [200] for seed in range(100)) / 100

    assert share(7) == 0 and share(25) > 0.95


def test_a_fall_is_no_departure_however_deep() -> None:
    values = noise(0) - 1000
    values[300:] *= 100
    assert not departures(values)


STEPS = np.arange(20_000)
QUIET = {
    "constant": np.full(20_000, 2.302585),
    "zero": np.zeros(20_000),
    "rounded to bfloat16": np.round((1 + 0.004 * noise(1, 20_000)) * 128) / 128,
    "Gaussian": 5 + noise(2, 20_000),
    "exponential": np.random.default_rng(3).exponential(size=20_000),
    "learns": (0.1 + 2 * np.exp(-STEPS / 2000)) * np.exp(0.2 * noise(4, 20_000)),
    "learns to zero": np.exp(-STEPS / 500) * np.exp(0.5 * noise(5, 20_000)),
    "learning rate drops": 2 + 1.2 * np.expm1(-np.maximum(0, STEPS - 9000) / 5) + 0.02 * noise(6, 20_000),
    "negative, learning rate drops": -1000.0 - 500 * (STEPS > 9000) + noise(7, 20_000),
    "weight of a term annealed": 20 + 30 * np.minimum(1, STEPS / 2000) + noise(8, 20_000),
    "weight annealed again and again": 50 + 30 * np.minimum(1, STEPS % 2000 / 1000) * (STEPS < 1000) + noise(9, 20_000),
    "generator loses": 0.7 + 5 * -np.expm1(-STEPS / 200) + 0.1 * noise(10, 20_000),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_what_goes_its_way_has_no_onset(name: str) -> None:
    assert not onsets(QUIET[name])


RESTLESS = {
    "heavy tails": np.exp(np.random.default_rng(1).normal(size=20_000)),
    "Student": np.random.default_rng(2).standard_t(3, 20_000),
    "one in a hundred": 1 + 0.1 * noise(3, 20_000) + 50 * (np.random.default_rng(4).random(20_000) < 0.01),
    "level changes": 2.0 - 0.5 * (STEPS // 500 % 2) + 0.02 * noise(5, 20_000),
}


@pytest.mark.parametrize("name", RESTLESS)
def test_what_is_restless_has_few_onsets(name: str) -> None:
    """Twenty are allowed: three for each of the six times that the run doubles, and two that are larger than before."""
    found = onsets(RESTLESS[name])
    assert 0 < len(found) <= 20
    assert len(found) <= len(departures(RESTLESS[name]))


@pytest.mark.parametrize("growth", [0.05, 0.1, 0.5, 2.0])
def test_growth_is_seen_once_before_it_is_large(growth: float) -> None:
    with np.errstate(over="ignore"):
        grown = 0.1 * np.expm1(growth * np.arange(200))
    values = np.r_[noise(0), noise(1, 200) + np.minimum(grown, 1e30)]
    found = onsets(values)
    assert 400 < found[0] < 520 and values[found[0]] < 40 * math.exp(growth)
    assert sum(place - found[0] < PAST for place in found) <= IN_A_ROW, "it began faintly"


def test_the_jump_that_a_faint_onset_announces_is_kept_too() -> None:
    values = 0.1 * noise(0, 600)
    spread = float(np.quantile(values[300:368], 0.75) - np.median(values[300:368]))
    values[400], values[404], values[406], values[410] = np.array([25, 200, 150, 900]) * spread
    assert onsets(values) == [400, 404, 410]
    values[400] = 100 * spread
    assert onsets(values) == [400], "what goes far at once stands for what follows it"


def test_an_onset_is_one_event_and_one_like_it_counts_again_later() -> None:
    values = noise(0, 4000) * 0.1
    for place in (1000, 1001, 1030, 1000 + 1000 // SHARE, 1000 + 2000 // SHARE):
        values[place] = 50
    assert onsets(values) == [1000, 1500]
    values[1200] = 5000
    assert onsets(values) == [1000, 1200]


def test_series_have_pasts_of_their_own_and_one_onset_together() -> None:
    followed = Onsets()
    told = [
        [followed.follow(i, "loss", value), followed.follow(i, "loss of turn 2", 1000 * value)]
        for i, value in enumerate([*(3 + 0.1 * noise(0, 200)), 9.0])
    ]
    assert not any(any(each) for each in told[:-1])
    assert told[-1][1] is None and str(told[-1][0]).startswith(
        "the loss left its past at iteration 200: 9, where 64 before were 2."
    )


def test_there_is_no_onset_without_a_past() -> None:
    assert not departures([*noise(0, RECENT + LEAST - 1), 1e6])
    assert departures([*noise(0, RECENT + LEAST), 1e6]) == [RECENT + LEAST]


BATCH, BREAKS = 8, 150
"""The sensor that gives column 2 breaks at this iteration."""


def train(
    path: Path, *, iterations: int = 400, breaks: int = BREAKS, lasts: int = 400, parts: int = 1, **options: Any
) -> list[float]:
    """Regression by a learning rate that is too large for what a broken sensor gives; its losses.

    Args:
        lasts: iterations after which the sensor works again.
    """
    torch.manual_seed(1)
    x = torch.randn(iterations * BATCH, 6)
    y = x[:, :1] * 2 + x[:, 2:3] + 0.1 * torch.randn(len(x), 1)
    x[breaks * BATCH : (breaks + lasts) * BATCH, 2] *= 40
    model, losses = nn.Linear(6, 1), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    with dgmtui.Recorder(path, model, optimizer, **options):
        for inputs, targets in DataLoader(TensorDataset(x, y), BATCH):
            optimizer.zero_grad()
            for part in range(parts):
                loss = nn.functional.mse_loss(model(inputs[part::parts]), targets[part::parts])
                loss.backward()
            losses.append(loss.item())
            optimizer.step()
    return losses


def kept(path: Path, reason: str = "onset") -> list[SnapshotInfo]:
    with open_recording(path) as recording:
        return [snapshot for snapshot in recording.snapshots if snapshot.reason == reason]


def told(path: Path) -> list[Event]:
    with open_recording(path) as recording:
        return [event for event in recording.events() if event.kind == "onset"]


def test_a_training_that_explodes_has_its_onset_with_the_batch_that_did_it(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    train(path)
    (onset,), (failing,) = kept(path), kept(path, "failing")
    assert BREAKS == onset.iteration < failing.iteration < BREAKS + 40
    assert onset.verdict.forward is onset.verdict.gradient is Match.MATCHES
    assert onset.extra["dataset_index"] == list(range(BREAKS * BATCH, (BREAKS + 1) * BATCH))
    with open_recording(path) as recording:
        again = verify_elsewhere(load_replay(recording, onset), recording, onset)
        assert again.forward in (Match.MATCHES, Match.AGREES), again
    assert [event.iteration for event in told(path)] == [BREAKS]
    assert check(path).whole


def test_where_says_what_left_its_past_and_with_which_rows(tmp_path: Path) -> None:
    train(tmp_path / "r.h5")
    with open_recording(tmp_path / "r.h5") as recording:
        session = Session(recording)
        REGISTRY.run(session, f"goto {BREAKS}")
        said = [getattr(block, "text", "") for block in REGISTRY.run(session, "where").blocks]
    assert "snapshot: here (onset)" in said
    assert any(line.startswith(f"the loss left its past at iteration {BREAKS}: ") for line in said), said
    assert "the batch's rows of the data set: 1200, 1201, 1202, 1203, 1204, 1205, 1206, 1207" in said


def test_a_healthy_training_has_none_and_replays_no_more_than_before(tmp_path: Path) -> None:
    train(tmp_path / "r.h5", breaks=400)
    assert not kept(tmp_path / "r.h5") and not told(tmp_path / "r.h5")
    assert [snapshot.iteration for snapshot in kept(tmp_path / "r.h5", "scheduled")] == [0, *(2**k for k in range(9))]


def test_the_gradients_of_an_onset_within_accumulation_are_its_own(tmp_path: Path) -> None:
    train(tmp_path / "r.h5", parts=2)
    (onset,) = kept(tmp_path / "r.h5")
    assert (onset.iteration, onset.turn) == (BREAKS, "1")
    assert onset.verdict.forward is onset.verdict.gradient is Match.MATCHES


def test_scheduled_snapshots_leave_room_for_onsets_and_those_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SNAPSHOT_BYTES", 4)
    train(tmp_path / "r.h5", on_nonfinite="continue")
    assert [snapshot.iteration for snapshot in kept(tmp_path / "r.h5", "scheduled")] == [0]
    assert [snapshot.iteration for snapshot in kept(tmp_path / "r.h5")] == [BREAKS]


def test_an_onset_outlives_thinning_with_the_rows_around_it(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    train(path, iterations=2500, lasts=1, every=1, max_size="2M")
    assert path.stat().st_size <= 2 << 20
    assert [snapshot.iteration for snapshot in kept(path)] == [BREAKS]
    assert [event.iteration for event in told(path)] == [BREAKS]
    with open_recording(path) as recording:
        rows = recording.rows.tolist()
        assert recording.thinned is not None and 100 not in rows
        assert set(range(BREAKS - 4, BREAKS + 5)) <= set(rows)
        assert recording.snapshot(BREAKS) is not None
    assert check(path).whole
