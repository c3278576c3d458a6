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

    dead_batches: int = 3
    """Where rows are few: it is dead when it is zero for every sample of so many stored batches under the last stored
    weights (SageMaker Debugger's DeadRelu rule: inactive for all samples),"""
    dead_batch_samples: int = 64
    """that are so many samples together: half of a layer does not fire for none of these by chance."""
    dead_before: int = 2
    """A unit that is dead this early, in iterations, was dead at its initialisation: one step is not enough to tell."""

    layer_snapshots: int = 3
    """Snapshots in a row, to the last, that a layer's trouble is to be seen in."""
    layer_unlearned: float = 0.9
    """The loss has hardly moved where the medians of its end and its start differ by less than a tenth: what layers do
    then is an error."""
    layer_learned: float = 0.5
    """Where it has halved, the training works, whatever its layers do."""
    saturated_samples: float = 0.95
    """A unit is saturated where the derivative of its function is below 1e-3 for this share of the samples
    (SageMaker Debugger's TanhSaturation and SigmoidSaturation rules look at a percentage of the batch),"""
    saturated_share_warning: float = 0.5
    """and a layer where so many of its units are (their ``threshold_layer``, 50 %)."""
    saturated_share_error: float = 0.9
    """From here hardly any gradient passes."""
    vanishing_ratio: float = 1e-3
    """Gradient of the first third of the layers to that of the last third (AUTOTRAINER, Zhang et al. 2021, β₁)."""
    vanishing_depth: int = 4
    """Layers with weights on the way; in fewer, one layer's own fault explains it."""
    vanishing_steps: float = 1e-4
    """The same of the first tenth of the steps of a sequence to the last tenth: at float32 a gradient 10⁴ times smaller
    does not compete with the noise of what comes later (Bengio et al. 1994; Pascanu et al. 2013)."""
    exploding_ratio: float = 1e3
    """Gradient of the first layers, or steps, to that of the last: the inverse of ``vanishing_ratio``."""
    exploding_relative: float = 70.0
    """Gradient by weight, in norms, from which on it is called exploding (AUTOTRAINER, β₃)."""
    exploding_growth: float = 100.0
    """A gradient's norm that leaves its past for good by this factor: a spike, or a rise as in warm-up, is less."""

    game_iterations: int = 100
    """Before this iteration neither player of a game is judged: a generator begins with outputs that are all alike."""
    judged_apart: float = 0.999
    """A discriminator tells real and made apart wholly where so large a share of the pairs of one of each is in the
    right order (the area under the curve); a healthy one is wrong about some."""
    judge_loss_left: float = 0.1
    """And it has won where that much of the loss it started with is left (Goodfellow et al. 2014, §3; Arjovsky &
    Bottou 2017, theorem 2.4: then the generator's gradient vanishes)."""
    judge_undecided: float = 0.02
    """A discriminator whose loss has moved by no more than this share, and whose area is that near to a half, in every
    snapshot, has learned nothing."""
    collapsed_spread: float = 0.2
    """A generator has collapsed where the deviation of its outputs over the batch is below this share of the real
    batch's (the statistic of Karras et al. 2018, minibatch standard deviation): a twenty-fifth of their variance."""
    spread_apart: float = 4.0
    """And is well again where that deviation is within this factor of the real batch's."""
    latent_active: float = 0.01
    """A latent unit is active where the mean that the encoder gives it varies by more than this over the samples
    (Burda et al. 2016, §5.3: the logarithm of that variance has two clusters, parted here)."""
    latent_divergence: float = 0.05
    """And it is the prior's where its divergence from it is less, in nats."""

    stuck_share: float = 0.5
    """The loss is looked at over this last share of the run."""
    stuck_minimum_iterations: int = 30
    """Shorter stretches are noise: the median of ten losses, a third of it, is known to two fifths of their spread."""
    stuck_change: float = 0.02
    """It is stuck where the medians of that stretch's first and last thirds differ by less than this share of the
    level (AUTOTRAINER, Zhang et al. 2021, calls accuracy changes under 0.01–0.03 unchanged)."""
    stuck_noise: float = 3.0
    """Where layers get no gradient, a difference within so many standard errors of those medians is no change."""
    stuck_still_high: float = 0.5
    """And where it is still above this share of what it was at the start, as a training that has converged is not, or
    some layer gets no gradient at all."""

    stuck_at_constant: float = 0.95
    """It is stuck where it is still above this share of what the best constant prediction would cost: less than a
    twentieth of the targets' variance or entropy is explained (a coefficient of determination under 0.05)."""
    stuck_certainty: float = 0.1
    """Where the noise of the medians is above this share of the level, nothing is said."""

    diverging_minimum_iterations: int = 30
    """Of shorter runs a tenth is too few losses to have a level."""
    diverging_growth: float = 3.0
    """Three quarters of the last tenth's losses lie above so many times what it was: half-precision steps, warm-ups and
    annealed weights of a term change a loss by less (AUTOTRAINER, Zhang et al. 2021, calls a loss that grows
    throughout an exploding one)."""
    diverging_growth_of_plateau: float = 10.0
    """From here it need not grow any more."""
    diverging_share_of_start: float = 0.3
    """A loss that came down and rises again counts from this share of where it began: near its least a loss is
    restless, and that is of no account."""

    spike_past: int = 200
    """A loss is judged by so many before it,"""
    spike_least_past: int = 30
    """and by so many at least."""
    spike_sigmas: float = 20.0
    """It is further above their median than so many of their robust standard deviations (13 are what the recorder
    keeps a snapshot for, once in two million values where they decay exponentially),"""
    spike_beyond: float = 3.0
    """and than so many times their greatest, which bounds noise with heavy tails; and above where the loss began."""

    overflow_headroom: float = 0.5
    """Share of the way to overflow from which a value that grows is reported."""
    overflow_trend_rows: int = 20
    """The trend is fitted over so many recorded rows."""
    overflow_certainty: float = 3.0
    """The slope of that trend is so many of its standard errors above zero: a plateau's noise is not."""
    overflow_horizon: float = 1.0
    """Reported when the trend arrives within this many further run lengths."""

    cause_growth: float = 10.0
    """A non-finite value follows from steps or gradients that are too large where the loss or some weight had grown by
    this factor before it: initial weights and losses of a training that works shrink or stay within their order."""

    cause_soon: int = 64
    """And it came within so many iterations (as many as an onset is compared with) of the largest such step."""

    onset_past: float = 0.1
    """The past that a series leaves is at least this share of the iterations from the first row to the last."""
    onset_losses: int = 64
    """Of the iterations between the row in which a series left its past and the row before, the one with a loss that
    stands out among so many before it is the onset."""
    onset_sample: float = 3.0
    """Its sample is named where it made so many times its even share of the unit's gradient."""
    onset_growth: float = 2.0
    """A series left its past where it never came back into it and grew by at least this factor."""

    still_iterations: int = 8
    """A parameter is called unmoved after so many iterations: a learning rate that warms up begins at 0."""
    frozen_share: float = 0.5
    """A loss that does not come down is laid to frozen parameters where they are more than this share of all."""
    frozen_gain: float = 0.5
    """Where they hold random numbers, so is one that has come down by less than this share."""

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
    update_small_held_back: float = 1e-4
    """A tenth of the usual does where clipping or eps is seen to hold each of them back."""
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
    outlier_share: float = 0.5
    """A sample drives the loss of its batch where it makes at least half of it,"""
    outlier_gap: float = 10.0
    """and where its residual, or its greatest input or target, is so many times that of the next: of the tails that
    real data have (Pareto, exponent 3) one batch in a thousand has that."""
    outlier_nats: float = 20.0
    """Of log-likelihoods a sample drives the loss from here: it was given a probability of two in a billion."""
    outlier_few: float = 0.05
    """So many of the batch, or one, are outliers; more are a population."""

    target_share: float = 0.02
    """So many of the targets lie beyond what the output can give,"""
    target_lost: float = 0.05
    """and so much of their variance is beyond it: a twentieth is what a useless predictor may explain by chance."""
    target_scale: float = 100.0
    """Targets of so many times the size of the first outputs, which are of order one by every usual initialisation
    (LeCun et al. 1998, *Efficient BackProp*, section 4.5, scale targets to order one)."""

    input_large: float = 50.0
    """Root mean square of an input's features from which it is out of scale: grey values of 0 to 255 have 60 to 150,
    standardised features 1 (LeCun et al. 1998, *Efficient BackProp*, section 4.3)."""
    input_small: float = 0.01
    """And below which it is: images divided by 255 twice have 0.002."""
    input_uneven: float = 1e4
    """Ratio of the largest feature's size to the smallest's: the condition number of the problem grows with its
    square."""
    input_off_centre: float = 20.0
    """Distance of the features from zero in their standard deviations: uncentred images have 1 to 4."""

    imbalance_ratio: float = 20.0
    """Classes as unequal as this need weights or sampling (the usual benchmarks of long tails begin at 10 to 50, Cui et
    al. 2019, *Class-balanced loss*)."""
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
    motif_before: float = 0.25
    """A change precedes a finding where it came within this last share of the iterations up to that,"""
    motif_great: float = 0.1
    """and takes in so large a share of a module's units (of several modules: summed)."""
    motif_series: int = 3
    """Series of a place that make a group, and"""
    motif_share: float = 0.01
    """at least so large a share of them: of very many some pass any test,"""
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
