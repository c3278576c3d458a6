"""When two losses part."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.session.measuring import loss_summary, parting

LOSSES = st.lists(st.floats(-10, 10) | st.just(float("nan")), max_size=30).map(np.array)


@given(LOSSES, LOSSES)
def test_parting_is_symmetric_and_exact(a: np.ndarray, b: np.ndarray) -> None:
    a, b = a.astype(float), b.astype(float)
    told = parting(a, b)
    assert told == parting(b, a)
    same = [x == y or (np.isnan(x) and np.isnan(y)) for x, y in zip(a, b, strict=False)]
    begun = same.index(False) if False in same else len(same)
    assert told.equal_until == (begun - 1 if begun else None)


def test_noise_alone_does_not_part_them_and_a_better_level_does() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 500))
    assert parting(1 + noise[0], 1 + noise[1]).apart_since is None
    lower = np.where(np.arange(500) < 200, 1.0, 0.1) + noise[1]
    assert parting(1 + noise[0], lower).apart_since == 200


def test_a_summary_of_nothing_and_of_a_loss_that_fails() -> None:
    assert loss_summary(np.empty(0)).best is None
    told = loss_summary(np.array([3.0, 1.0, 2.0, np.inf]))
    assert (told.best, told.best_at, told.first_nonfinite, told.quartiles) == (1.0, 1, 3, None)
