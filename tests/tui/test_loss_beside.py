"""The loss chart with the losses of other recordings beside its own."""

import numpy as np

from dgmtui.render.chart import plot
from dgmtui.session.view import LossView, OtherLoss
from dgmtui.tui.widgets.loss_chart import _series, spanned


def test_a_longer_loss_beside_it_is_drawn_to_its_end_and_named_without_colour() -> None:
    other = OtherLoss("B", "other.h5", np.arange(30), np.full(30, 2.0))
    view = LossView(np.arange(0, 20, 2), np.r_[np.ones(9), np.inf], (), (), (other,))
    iterations = spanned(view)
    assert iterations.tolist() == [*range(0, 20, 2), *range(19, 30)]
    own, beside = _series(view)
    assert own.first_nonfinite == 18 and (own.kind, beside.kind) == ("nonfinite", "outlier")
    assert np.isfinite(beside.values).all() and len(own.values) == len(beside.values) == len(iterations)
    drawn = plot([own, beside], iterations, 40, 6, labels=3)
    text = ["".join(piece for piece, _ in row) for row in drawn.rows]
    assert any(row.rstrip().endswith("oB") for row in text) and any("✗" in row for row in text)


def test_alone_it_is_as_before() -> None:
    view = LossView(np.arange(4), np.array([1.0, 2.0, 3.0, 4.0]), (), ())
    assert spanned(view) is view.iterations
    (own,) = _series(view)
    assert (own.kind, own.first_nonfinite, own.values.tolist()) == ("cover", None, [1.0, 2.0, 3.0, 4.0])
