"""Every number that decides whether something is a finding, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Adjustable by ``diagnose(…, thresholds=Thresholds(…))``."""

    dead_window_rows: int = 5
    """A unit is dead when it was zero for every sample in so many recorded rows in a row, to the last,"""
    dead_window_samples: int = 160
    """and in at least so many samples: a unit that fires for one sample in fifty stays silent that long once in 25."""
    dead_share_warning: float = 0.5
    """Of a layer's units; half of a layer is more than sparsity explains (Lu et al. 2019, *Dying ReLU and
    initialization*, look at whole layers; Keras and AUTOTRAINER warn from 0.5 and 0.6)."""
    dead_share_error: float = 0.9
    """From here hardly any gradient passes."""

    stuck_share: float = 0.5
    """The loss is looked at over this last share of the run."""
    stuck_minimum_iterations: int = 60
    """Shorter stretches are noise."""
    stuck_change: float = 0.02
    """It is stuck where the medians of that stretch's first and last thirds differ by less than this share of the
    level (AUTOTRAINER, Zhang et al. 2021, calls accuracy changes under 0.01–0.03 unchanged)."""
    stuck_noise: float = 3.0
    """Where layers get no gradient, a difference within so many standard errors of those medians is no change."""
    stuck_still_high: float = 0.5
    """And where it is still above this share of what it was at the start, as a training that has converged is not, or
    some layer gets no gradient at all."""

    overflow_headroom: float = 0.5
    """Share of the way to overflow from which a value that grows is reported."""
    overflow_trend_rows: int = 20
    """The trend is fitted over so many recorded rows."""
    overflow_certainty: float = 3.0
    """The slope of that trend is so many of its standard errors above zero: a plateau's noise is not."""
    overflow_horizon: float = 1.0
    """Reported when the trend arrives within this many further run lengths."""

    onset_past: float = 0.1
    """The past that a series leaves is at least this share of the iterations from the first row to the last."""
    onset_growth: float = 2.0
    """A series left its past where it never came back into it and grew by at least this factor."""

    still_iterations: int = 8
    """A parameter is called unmoved after so many iterations: a learning rate that warms up begins at 0."""
    frozen_share: float = 0.5
    """A loss that does not come down is laid to frozen parameters where they are more than this share of all."""

    accumulating_snapshots: int = 2
    """So many iterations must have begun with gradients of the one before: one may follow an interrupted step."""
    evaluation_iterations: int = 8
    """A model that ends in evaluation mode is told of when it has trained so for so long."""

    update_large: float = 0.3
    """A step moves the weights too far from this share of their norm on, in the median of the layers (usual is 1e-3:
    Bottou 2012, *Stochastic Gradient Descent Tricks*, and Karpathy's notes; Adam's first steps reach 0.1 on small
    weights),"""
    overshoot_rise: float = 0.05
    """or raises the loss of its own batch by this share of what that was at the start,"""
    overshoot_snapshots: int = 2
    """in so many snapshots; one may be chance."""
    harmed_share: float = 0.8
    """And the loss suffers: it ends above this share of what it began with,"""
    harmed_peak: float = 3.0
    """or rose in between to so many times of that (DeepLocalize and AUTOTRAINER call it diverged from there on)."""
    update_small: float = 1e-5
    """Steps are too short where every one moves the weights by less than this share of their norm: a hundredth of the
    usual."""
    small_gain: float = 0.1
    """And the loss has come down by less than this share,"""
    small_iterations: int = 40
    """over at least so many iterations,"""
    small_sensitivity: float = 1e-2
    """though |gradient| · |weights| is at least this share of the loss: of a homogeneous layer it is the loss itself
    times its degree (Euler), of a vanished gradient far less."""
    rate_ran_out: float = 1e-3
    """A learning rate has run out below this share of its greatest value,"""
    ran_out_share: float = 0.6
    """where that is within this first share of the run,"""
    ran_out_high: float = 0.3
    """and the loss is still above this share of what it began with."""


DEFAULT = Thresholds()
