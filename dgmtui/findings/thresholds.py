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

    motif_rows: int = 24
    """Motifs are looked for in series of so many rows: twice what the medians before and after a row take, twice."""
    motif_spike: float = 8.0
    """Standard deviations that a spike's row lies off the levels before and after. Of normal noise 7 are exceeded once
    in 10^12 rows; one more for scales that are estimated from some 25 rows,"""
    motif_step: float = 7.0
    """and that a step's levels differ by, which are medians of five rows and so nearer to normal;"""
    motif_drift: float = 6.0
    """and that a drift goes faster than before: of normal noise once in 10^9."""
    motif_plateau: float = 0.02
    """A plateau's rows differ by at most this share of what they did in the median row before: noise of any kind has
    rows that change that little, never a tenth of all in a row."""
    motif_divergence: float = 10.0
    """Divergence ends so many times above all that was before it,"""
    motif_wander: float = 3.0
    """and so many standard deviations from where it was, as a random walk goes that its series may be."""
    motif_oscillation: float = 1e-6
    """Probability that a smooth spectrum has a line like an oscillation's, in one window."""
    motif_series: int = 3
    """Series of a place that make a group,"""
    motif_chance: float = 1e-4
    """less likely than this to come together by chance; some hundred places are looked at in some hundred rows, most of
    them without any motif,"""
    motif_alone: float = 3.0
    """or one with so many times the standard deviations that it takes at least."""

    forecast_rows: int = 24
    """A forecast needs so many rows: twice the shortest trend."""
    forecast_windows: tuple[int, ...] = (12, 24, 48)
    """Rows that a trend is fitted over; the back-test chooses."""
    forecast_sigmas: float = 1.96
    """Half the width of the slope's interval, which holds it in 95 of 100 cases where rows are independent."""
    forecast_nominal: float = 0.9
    """Share of intervals that are to hold."""
    forecast_tests: int = 10
    """Forecasts at earlier rows that must have been decided, for their share to mean something,"""
    forecast_learnt: int = 4
    """and decided before one for its interval to be widened by them."""
    forecast_span: float = 2.0
    """They were made over so many times as long as what they forecast took: those of a shorter stretch lean on each
    other, and may all have held, or not, by one event."""
    forecast_collapsed: float = 0.01
    """An output has collapsed where its standard deviation is this share of what it began with."""
    forecast_width: float = 3.0
    """An interval that is so many times as wide as the time to the arrival tells nothing."""


DEFAULT = Thresholds()
