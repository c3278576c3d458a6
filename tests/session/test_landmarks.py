"""Jumps over non-finite values, whether the index or only the loss knows of them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dgmtui.recording import NonFinite, Quantity
from dgmtui.session.landmarks import Landmarks

INDEXED = (5, 9)


def fake(losses: list[float]) -> Any:
    """A recording whose index knows of iterations 5 and 9."""

    def found(iterations: list[int]) -> NonFinite | None:
        return NonFinite(iterations[0], "dec", Quantity.GRADIENT, 3, 1, 0, 0) if iterations else None

    return SimpleNamespace(
        iteration_count=len(losses),
        losses=lambda start=0, stop=None: np.array(losses[start:stop]),
        first_nonfinite=lambda: found(list(INDEXED)),
        next_nonfinite=lambda i: found([x for x in INDEXED if x > i]),
        previous_nonfinite=lambda i: found([x for x in reversed(INDEXED) if x < i]),
    )


LOSSES = [1.0, 1.0, float("nan"), 1.0, 1.0, float("inf"), 1.0, float("-inf"), 1.0, 1.0]


@pytest.mark.parametrize(
    ("iteration", "following", "before"), [(0, 2, None), (2, 5, None), (5, 7, 2), (7, 9, 5), (9, None, 7)]
)
def test_both_sources_are_one_list(iteration: int, following: int | None, before: int | None) -> None:
    landmarks = Landmarks(fake(LOSSES))
    later, earlier = landmarks.next_nonfinite(iteration), landmarks.previous_nonfinite(iteration)
    assert (later and later.iteration) == following
    assert (earlier and earlier.iteration) == before


def test_where_both_know_the_index_tells_more() -> None:
    landmarks = Landmarks(fake(LOSSES))
    found = landmarks.next_nonfinite(4)
    assert found is not None and (found.module, found.unit) == ("dec", 3)
    first = landmarks.first_nonfinite()
    assert first == NonFinite(2, "", Quantity.ACTIVATION, None, 1, 0, 0)


def test_losses_that_come_later_are_taken_in() -> None:
    losses = [1.0, 2.0]
    recording = fake(losses)
    landmarks = Landmarks(recording)
    assert landmarks.losses.tolist() == [1.0, 2.0]
    losses += [float("inf")]
    recording.iteration_count = 3
    assert landmarks.losses.tolist() == [1.0, 2.0, float("inf")]
    found = landmarks.next_nonfinite(1)
    assert found is not None and (found.iteration, found.posinf) == (2, 1)
