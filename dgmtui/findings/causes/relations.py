"""What may follow from what: one row a pair of kinds, with the conditions under which it does and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dgmtui.findings.causes.links import (
    Condition,
    Terrain,
    after,
    after_first_step,
    before_any_step,
    by_its_input,
    by_the_code,
    close_by,
    downstream,
    long_after,
    most_of_the_time,
    no_gradient,
    not_later,
    of_its_own_making,
    of_no_own_making,
    on_the_way,
    out_of_range,
    ran_away,
    same_modules,
    same_operation,
    same_sample,
    same_turn,
    soon_after,
    upstream,
)
from dgmtui.findings.model import Finding

PRECEDENCE = (
    "rank_divergence",
    "bad_input",
    "target_range",
    "wrong_loss_input",
    "evaluation_mode",
    "gradient_accumulating",
    "parameter_not_updated",
    "sample_outlier",
    "update_too_large",
    "discriminator_won",
    "mode_collapse",
    "nonfinite",
    "overflow_ahead",
    "exploding_gradient",
    "dead_units",
    "saturated_units",
    "input_ignored",
    "vanishing_gradient",
    "update_too_small",
    "loss_diverging",
    "loss_spike",
    "loss_stuck",
)
"""What a person can change (data, code, settings) before what comes of it in the network, and that before the loss.
Of several possible causes the first is taken, and of accounts that are alike in all else it comes first."""


@dataclass(frozen=True)
class Relation:
    """One kind of finding that may follow from another."""

    cause: str
    symptom: str
    why: str
    """A sentence that stands before the symptom's own."""
    conditions: tuple[Condition, ...]
    gives_onset: bool = False
    """The symptom came first and led to what is listed: its onset is that of the whole."""

    def holds(self, terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
        """Whether these two findings stand so to each other."""
        return (
            cause.rank == symptom.rank
            and same_turn(terrain, cause, symptom)
            and all(condition(terrain, cause, symptom) for condition in self.conditions)
        )


def _rows(
    cause: str, symptoms: Iterable[str], why: str, *conditions: Condition, gives_onset: bool = False
) -> Iterator[Relation]:
    for symptom in symptoms:
        yield Relation(cause, symptom, why, conditions, gives_onset)


def _rows_of_units(cause: str, before_them: str, after_them: str) -> Iterator[Relation]:
    """Of units that let nothing through: what is trained before them lacks a gradient, what comes after variety."""
    yield from _rows(cause, ("vanishing_gradient", "update_too_small"), before_them, not_later, upstream)
    yield from _rows(cause, ("parameter_not_updated",), before_them, not_later, upstream, no_gradient)
    yield from _rows(cause, ("input_ignored", "mode_collapse"), after_them, not_later)
    yield from _rows(cause, ("loss_stuck",), after_them, most_of_the_time)


_UNITS = ("dead_units", "saturated_units")
_LOSS = ("loss_diverging", "loss_spike", "loss_stuck")
_GROWS = ("loss_diverging", "loss_spike", "exploding_gradient")

RELATIONS: tuple[Relation, ...] = (
    *_rows(
        "bad_input", (*_UNITS, "exploding_gradient", "vanishing_gradient", "update_too_large", *_LOSS),
        "Input like this drives what comes after it out of its range.", not_later, downstream,
    ),
    *_rows(
        "bad_input", ("input_ignored", "sample_outlier"),
        "It comes of input like this.", not_later,
    ),
    *_rows("bad_input", ("nonfinite",), "The batch brings it in.", not_later, by_its_input, same_sample),
    *_rows(
        "target_range", (*_LOSS, *_UNITS, "exploding_gradient", "vanishing_gradient", "update_too_large"),
        "Targets like these are out of reach of what the model gives out.", not_later,
    ),
    *_rows(
        "target_range", ("nonfinite",),
        "Targets like these are outside of what the loss is defined for.", not_later,
    ),
    *_rows(
        "wrong_loss_input", (*_LOSS, "vanishing_gradient", *_UNITS, "update_too_small"),
        "A loss that is given what it does not expect passes a gradient back that is too small or wrong.", not_later,
    ),
    *_rows(
        "wrong_loss_input", ("nonfinite",),
        "The loss is not finite for what it is given.", not_later,
    ),
    *_rows(
        "evaluation_mode", (*_LOSS, *_UNITS, "exploding_gradient", "vanishing_gradient", "update_too_large"),
        "In evaluation mode nothing is normalised by the batch, and nothing is dropped.", not_later,
    ),
    *_rows(
        "evaluation_mode", ("nonfinite",),
        "In evaluation mode nothing is normalised by the batch.", not_later, out_of_range,
    ),
    *_rows(
        "gradient_accumulating",
        (*_LOSS, "exploding_gradient", "update_too_large", *_UNITS, "vanishing_gradient"),
        "Gradients that are never set to zero add up over the iterations.", not_later,
    ),
    *_rows(
        "gradient_accumulating", ("nonfinite",),
        "Gradients that add up drive the weights out of range.", not_later, out_of_range,
    ),
    *_rows(
        "parameter_not_updated", ("vanishing_gradient", "update_too_small"),
        "What is not trained gets no gradient, or takes no step.", not_later, same_modules, by_the_code,
    ),
    *_rows(
        "parameter_not_updated", ("loss_stuck", "input_ignored", "mode_collapse", "discriminator_won"),
        "With parameters that never move, the loss can only come down as far as the others bring it.", not_later,
    ),
    *_rows(
        "sample_outlier", ("loss_spike", "exploding_gradient", "update_too_large"),
        "One sample that is not like the others is enough for it.", close_by,
    ),
    *_rows(
        "sample_outlier", ("loss_diverging", *_UNITS),
        "One sample that is not like the others is enough for it.", not_later,
    ),
    *_rows(
        "sample_outlier", ("nonfinite",),
        "It is the sample's doing.", not_later, same_sample, by_its_input,
    ),
    *_rows(
        "update_too_large", (*_LOSS, "input_ignored", "mode_collapse"),
        "Steps of this size leave the region in which the gradient says anything.", not_later,
    ),
    *_rows(
        "update_too_large", (*_UNITS, "vanishing_gradient"),
        "One step of this size pushes whole layers to where they let no gradient through.", not_later,
    ),
    *_rows(
        "update_too_large", ("exploding_gradient",),
        "Weights that such steps have made large multiply the gradient on its way back.", not_later, after_first_step,
    ),
    *_rows(
        "update_too_large", ("overflow_ahead",),
        "Steps of this size drive the numbers out of the range of their dtype.", not_later,
    ),
    *_rows(
        "update_too_large", ("nonfinite",),
        "Steps of this size drove the numbers out of the range of their dtype.", not_later, out_of_range, soon_after,
    ),
    *_rows(
        "exploding_gradient", ("update_too_large",),
        "The gradient was that large before any step was taken: steps are large because of it.",
        not_later, before_any_step, same_modules,
    ),
    *_rows(
        "exploding_gradient", ("loss_diverging", "loss_spike", "loss_stuck", *_UNITS),
        "Steps along a gradient of that size go far past where they should end.", not_later,
    ),
    *_rows(
        "exploding_gradient", ("nonfinite",),
        "A gradient that grows without bound ends beyond the range of its dtype.",
        not_later, of_no_own_making, out_of_range,
    ),
    *_rows(
        "discriminator_won", ("vanishing_gradient", "mode_collapse", "update_too_small"),
        "A discriminator that tells all apart has no gradient left for the generator.", not_later,
    ),
    *_rows(
        "discriminator_won", ("loss_stuck", "loss_diverging", "saturated_units", "dead_units", "input_ignored"),
        "A discriminator that tells all apart leaves the generator nothing to go by.", not_later,
    ),
    *_rows(
        "mode_collapse", ("input_ignored", "loss_stuck", "loss_diverging"),
        "A generator that gives the same for every input has nothing more to learn.", not_later,
    ),
    *_rows(
        "nonfinite", ("overflow_ahead",),
        "It was on its way:", same_operation, on_the_way, gives_onset=True,
    ),
    *_rows(
        "nonfinite", ("exploding_gradient",),
        "It was on its way:", on_the_way, of_its_own_making, gives_onset=True,
    ),
    *_rows(
        "nonfinite", ("update_too_large",),
        "It was on its way:", on_the_way, long_after, ran_away, gives_onset=True,
    ),
    *_rows("nonfinite", ("loss_diverging", "loss_spike"), "It was on its way:", on_the_way, gives_onset=True),
    *_rows(
        "nonfinite",
        (*_LOSS, *_UNITS, "exploding_gradient", "vanishing_gradient", "parameter_not_updated", "mode_collapse",
         "discriminator_won", "update_too_small", "update_too_large", "input_ignored", "rank_divergence"),
        "From the first non-finite value on, whatever it reaches is not finite either.", after,
    ),
    *_rows_of_units(
        "dead_units",
        "No gradient passes back through units that are dead.",
        "What comes after dead units sees the same for every input.",
    ),
    *_rows_of_units(
        "saturated_units",
        "Hardly any gradient passes back through units that are saturated.",
        "Saturated units hardly change with their input.",
    ),
    *_rows(
        "input_ignored", ("loss_stuck", "mode_collapse"),
        "What is given out is the same whatever comes in.", not_later,
    ),
    *_rows(
        "vanishing_gradient", ("update_too_small", "parameter_not_updated"),
        "Where hardly any gradient arrives, hardly anything moves.", not_later, same_modules, no_gradient,
    ),
    *_rows(
        "vanishing_gradient", ("loss_stuck", "input_ignored"),
        "Layers that get hardly any gradient learn nothing.", not_later,
    ),
    *_rows(
        "update_too_small", ("loss_stuck", "input_ignored"),
        "With steps of this size nothing is learned.", not_later,
    ),
    *_rows("loss_diverging", ("loss_spike", "loss_stuck"), "The loss ran away.", not_later),
)  # fmt: skip
