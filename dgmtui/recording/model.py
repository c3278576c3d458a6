"""The words of a recording as frozen types: what the writer takes, the reader gives and everything else passes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

STATISTICS = ("min", "max", "mean", "std", "absmax", "zeros", "nan", "posinf", "neginf")
"""Of one tensor; the first five over its finite values (NaN where it has none), ``zeros`` a share in [0, 1], the
last three counts of elements."""


PARAMETERS = "parameters"
"""Kind of the event that tells what is known of each parameter, told again when that changes."""
SETTINGS = "settings"
"""Kind of the event that tells the optimisers' settings, told again when they change."""
MODE = "mode"
"""Kind of the event that tells that a model trains in evaluation mode from here on, or in training mode again."""

THINNED = "thinned"
"""Kind of the event that says that rows and snapshots of old iterations were thinned."""


SPARSE = {"sparse": True}
"""Of a field: a recording does not tell it where it has its default."""


ROUNDED = "rounded"
"""In a run's ``extra``: how many mantissa bits each series was rounded to, by its path."""


class Quantity(StrEnum):
    """What is measured of a unit."""

    ACTIVATION = "activation"
    GRADIENT = "gradient"
    WEIGHT = "weight"
    WEIGHT_GRADIENT = "weight_gradient"
    UPDATE = "update"

    __hash__ = str.__hash__  # an enumeration's own is slow, and channels are looked up by it


class Measure(StrEnum):
    """What one number of a series is: made of a unit's values of one iteration, or a single element itself."""

    MEAN = "mean"
    RMS = "rms"
    ZEROS = "zeros"
    NORM = "norm"
    ELEMENT = "element"

    __hash__ = str.__hash__


MEASURES: Mapping[Quantity, tuple[Measure, ...]] = {
    Quantity.ACTIVATION: (Measure.MEAN, Measure.RMS, Measure.ZEROS),
    Quantity.GRADIENT: (Measure.MEAN, Measure.RMS, Measure.ZEROS),
    Quantity.WEIGHT: (Measure.NORM,),
    Quantity.WEIGHT_GRADIENT: (Measure.NORM,),
    Quantity.UPDATE: (Measure.NORM,),
}
"""Activations and gradients: over batch and positions. Weights: the L2 norm of the unit's slice. The first named is
what is drawn unless another is asked for."""
OF_WEIGHTS = frozenset({Quantity.WEIGHT, Quantity.WEIGHT_GRADIENT, Quantity.UPDATE})
"""Those of a weight, of which single elements can be followed; an activation's are of other samples each time."""


@dataclass(frozen=True)
class ModuleInfo:
    """One module of the recorded network."""

    path: str
    """As ``named_modules()`` gives it; ``""`` is the root."""
    type: str
    """Class name."""
    parent: str | None
    """Path of the module that contains it; None for a root."""
    output_shape: tuple[int, ...] | None = None
    """Shape of its (first) output tensor when first called; None where it was never called or returned no tensor."""
    unit_axis: int | None = None
    """The axis of ``output_shape`` along which the units lie."""
    parameters: tuple[str, ...] = ()
    """Names of the parameters that it holds directly, without its path."""
    detail: str = ""
    """``extra_repr()`` of the module, e.g. ``in_features=64, out_features=16, bias=True``."""


@dataclass(frozen=True)
class Channel:
    """One module's one quantity: one column of the statistics and, where it has units, a block of series."""

    module: str
    quantity: Quantity
    units: int
    """How many units its series have; 0 where it has statistics only."""
    elements: int = field(default=0, metadata=SPARSE)
    """How many single elements of the tensor are followed besides, evenly over it; ``elements.py`` says which."""
    shape: tuple[int, ...] = field(default=(), metadata=SPARSE)
    """Of the tensor whose elements they are; where ranks hold parts of it, of this rank's."""

    def width(self, measure: Measure) -> int:
        """How many series it has of a measure."""
        if measure == Measure.ELEMENT:
            return self.elements if self.quantity in OF_WEIGHTS else 0
        return self.units if measure in MEASURES[self.quantity] else 0

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures of which it has series."""
        return tuple(each for each in (*MEASURES[self.quantity], Measure.ELEMENT) if self.width(each))


@dataclass(frozen=True)
class RunInfo:
    """Where, with what and how a recording was made."""

    created: str
    """ISO 8601, UTC."""
    dgmtui_version: str
    torch_version: str
    python_version: str
    script: str
    argv: tuple[str, ...]
    directory: str
    """The working directory of the training."""
    device: str
    threads: int
    cpu_capability: str
    every: int
    """Statistics and series were recorded every so many iterations."""
    rank: int = 0
    world_size: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further facts, JSON-able (host name, GPU name, batch names, …)."""


@dataclass(frozen=True)
class NonFinite:
    """A channel in which a non-finite value was seen, at one iteration."""

    iteration: int
    module: str
    quantity: Quantity
    unit: int | None
    """The first unit that held one; None where the channel has no units."""
    nan: int
    posinf: int
    neginf: int
    """How many elements of the tensor were NaN, +Inf, −Inf."""


@dataclass(frozen=True)
class TensorSpec:
    """A stored tensor, not yet read."""

    dtype: str
    """torch's name without the prefix: ``float32``, ``bfloat16``, ``int64``, ``bool``, …"""
    shape: tuple[int, ...]
    offset: int
    """Byte offset into the recording's tensor data."""
    nbytes: int


@dataclass(frozen=True)
class StoredTensor:
    """A stored tensor: bytes in C order with torch's dtype, so that no dtype is lost on the way through NumPy."""

    dtype: str
    shape: tuple[int, ...]
    data: NDArray[np.uint8]
    """``[nbytes]``, uint8."""


class Match(StrEnum):
    """What comparing a replay with the recorded iteration said."""

    MATCHES = "matches"
    """Bit for bit equal, in the process that recorded it."""
    AGREES = "agrees"
    """Elsewhere: within the dtype's tolerance, and the same elements are non-finite."""
    DIFFERS = "differs"
    NOT_MADE = "not made"
    """There was nothing to compare: the iteration ended before, or something was missing."""


@dataclass(frozen=True)
class Verdict:
    """Whether a snapshot's replay gave the recorded iteration again; forward and gradient are judged apart."""

    forward: Match
    gradient: Match
    detail: str
    """One sentence: what was compared, or what differed first."""


class StepOutcome(StrEnum):
    """What became of an optimiser's step."""

    MADE = "made"
    SKIPPED = "skipped"
    """A ``GradScaler`` left it out, as gradients had overflowed."""
    NOT_MADE = "not made"
    """It was still to come when the snapshot was written, as where the run was stopped."""


class GradientChange(StrEnum):
    """What happened to the gradients between the backward pass and the step."""

    NONE = "none"
    SCALED = "scaled"
    """All were multiplied by one number: clipped by their norm, or unscaled."""
    CLAMPED = "clamped"
    """Each element was kept within ± a bound."""
    OTHER = "other"
    UNKNOWN = "unknown"
    """There is nothing to compare them with."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that an optimiser moves with the same settings."""

    parameters: tuple[str, ...]
    """Paths; empty for one that nothing names."""
    settings: Mapping[str, Any]
    """As of this step: ``lr``, ``betas``, ``momentum``, …; numbers, truth values, strings, None and lists of these."""


@dataclass(frozen=True)
class OptimizerStep:
    """The step of one optimiser that followed a snapshot's backward pass, or was to follow."""

    type: str
    """The optimiser's class, with its module."""
    groups: tuple[ParameterGroup, ...]
    outcome: StepOutcome
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """What of its state is no tensor, by ``KEY:PATH``."""
    gradients: GradientChange = GradientChange.UNKNOWN
    amount: float = 1.0
    """The number that they were multiplied by, or the bound."""
    norm: float = float("nan")
    """L2 norm of all its gradients as the backward pass left them."""
    loss_scale: float | None = None
    """What a ``GradScaler`` multiplied the loss by; None without one."""
    passes_left: int = 0
    """How many more backward passes were to come before it."""
    updates: Mapping[str, float] = field(default_factory=dict)
    """L2 norm of what the step changed in each parameter, by path; empty where it was not made."""
    checksums: Mapping[str, int] = field(default_factory=dict)
    """CRC-32 of each parameter's bytes after it, in C order."""
    left_out: str = ""
    """Why its state is not among the tensors; empty where it is."""


@dataclass(frozen=True)
class SnapshotInfo:
    """All that one iteration needs to run again, tensors by name."""

    iteration: int
    turn: str
    """Empty where an iteration has one turn."""
    reason: str
    """``scheduled``, ``onset`` (the training left its past) or ``failing``."""
    trace: int
    """Id of the trace (see ``Recording.trace``) that runs on it; -1 where none does."""
    loss: float
    """As recorded in the training; may be non-finite."""
    verdict: Verdict
    tensors: Mapping[str, TensorSpec]
    """By name: ``param:PATH``, ``buffer:PATH`` (as before the forward pass), ``input:NAME`` (other outside tensors),
    ``draw:NODE:OUT`` (results of random operations), ``grad:PATH`` (parameter gradients as recorded),
    ``optimizer:KEY:PATH`` (an optimiser's state before its step), ``earlier:PATH`` (the gradient that this pass added
    to)."""
    missing: tuple[str, ...] = ()
    """Outside tensors that could not be found, in words; such a snapshot does not replay."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further facts, JSON-able. ``statistics``: {module path: the nine statistics of its output at this iteration,
    non-finite as strings}; ``dataset_index``: the batch rows' indices into the data set where known;
    ``dataset_size``: how many rows that has, where a loader told;
    ``transient``: true where a second replay did not show the non-finite again; ``after_step``: of the failing one,
    whether the weights were ``finite`` after the steps before, and of the step that left them otherwise ``iteration``,
    ``optimizer`` and ``settings`` (empty where they were too many to be looked at)."""
    optimizers: tuple[OptimizerStep, ...] = field(default=(), metadata=SPARSE)
    """The steps that followed it, in order; empty where a later turn's snapshot has them, or none was recorded."""


ONSET = "onset"
"""Why a snapshot was taken where the training left its past, and the kind of the event that tells of it."""
DENSE = "dense"
"""The kind of the event that tells from where (``first``) to where (``last``) every iteration has a row."""

RAISED = "exception"
"""The kind of the event that tells of the exception that ended the training, with ``type``, ``message``, ``phase``,
``module``, ``source`` (``file:line`` of the user's code) and ``text`` (that line); of numbers out of range also
``refused`` (``labels`` or ``indices``), ``limit``, ``count``, ``numbers``, ``first`` (the place in the tensor) and,
where known, ``samples``, ``number`` and ``dataset_index``."""


@dataclass(frozen=True)
class Event:
    """Something that happened once, in words and data."""

    iteration: int
    kind: str
    """``note``, ``warning``, ``nonfinite``, ``onset``, ``late_module``, ``trace``, …"""
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """How the recorded run ended; a killed run has none."""

    reason: str
    """``finished``, ``exception``, ``nonfinite`` (stopped by us), ``interrupted``, ``abandoned`` (the recorder failed,
    the training went on)."""
    iteration: int
    """The last iteration recorded, whole or failing."""
    message: str
