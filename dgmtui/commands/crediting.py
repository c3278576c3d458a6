"""Commands that assign credit: which units put a value there, and the way from it back to the input."""

from typing import TYPE_CHECKING, Annotated, Literal

from dgmtui.commands.chain_data import account_blocks, chain_data
from dgmtui.commands.credit_tables import credit_blocks, credit_data
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import Completes
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.against import snapshot_before
from dgmtui.session.climbing import open_link
from dgmtui.session.contributors import checked_pattern
from dgmtui.session.crediting import Sort
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.credit import Chain

TargetName = Annotated[str, Completes("target")]
By = Literal["unit", "unit,sample", "module", "sample", "region"]
Rule = Literal["epsilon", "gamma", "alphabeta", "composite"]


@command("credit", group="analyse", keys=(("c", "credit", "credit"),), needs_replay=True)
def credit(
    session: Session,
    target: TargetName = "",
    *,
    by: By = "unit",
    top: int = 20,
    sort: Sort | None = None,
    only: str | None = None,
    backward: bool = False,
    rule: Rule = "epsilon",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    alpha: float = 2.0,
) -> Result:
    """Say which units put the target there: forward by LRP-ε, backward by what they made of its gradient.

    A target is one of these; without one it is what is selected, or the first non-finite value where the iteration
    failed:
      conv1  conv1[3]  conv1[3]@5      a module's output, a unit of it, for sample 5 of the batch
      conv1[3,17,40-48]@2,5            several units and samples, summed
      conv1[3]@5[4,7]  [8:16,0:8]      at a position, or in a region
      cell:0[3]                        a module's first call, where it has several; else the last is meant
      node:12  node:12[5,3,4,7]        an operation's result (`nodes`), or an element by its index
      loss  loss:1  loss:1.0           the loss, a term that is summed into it, a term of that
      grad:fc1.weight[3,5]             the loss's gradient by a parameter: which samples and units made it
      nonfinite                        the finite value that went out of range first
    For a target that is not finite it is the finite value behind it. The module, unit and sample that the target turns
    out to be are looked at from then on.
    --by unit, unit,sample, module, sample or region groups; --top N limits (0: all); --sort backward (or --backward)
    sorts by the part of the gradient, value by the unit's own, difference by what moved most since the snapshot of
    `against`, module in the order in which they ran; --only PATTERN lists what matches (`filter`); --epsilon is the
    stabiliser of the linear rule. --rule says how layers with weights share: epsilon by size, gamma in favour of
    the sum's sign (by --gamma), alphabeta apart by sign (--alpha to the positive terms; 1 is z⁺), composite epsilon in
    dense layers and z⁺ in convolutions.

    JSON: {"command":"credit","target":{"text","name","module","unit","sample","units","samples","value","iteration",
    "note"},"rows":[{"module","unit","sample","region","value","forward","backward","approximate","then","difference",
    "rank"}…],"inputs":[as rows…],"conserved":{…},"terms":[{"term","value","op","module","source"}…],"against",
    "against_target","against_note","only"}; "forward" is the relevance at the module's output summed over positions,
    "conserved" where the target's value went, "iteration" the snapshot's, "terms" what the loss is a sum of, "units"
    and "samples" those of a group, "inputs" what came in from outside. "then" is "forward" (of modules downstream
    "backward") at iteration "against", "difference" now less then, "rank" 1 moved most; all null where nothing is
    compared.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    if sort == "difference" and session.against is None:
        raise UsageError("--sort difference needs something to compare with: type `against` first")
    from dgmtui.credit import Propagation

    chosen = session.contributors
    propagation = Propagation(rule, epsilon, gamma, alpha, alpha - 1)
    snapshot = session.needed_snapshot()
    wanted = target or session.target
    made = session.results.crediting.credit(
        snapshot,
        wanted,
        by=by,
        propagation=propagation,
        against=session.against,
        sort="backward" if backward else sort or chosen.sort,
        only=chosen.only if only is None else checked_pattern(only),
    )
    what = made.contributions.target
    session.aim(wanted, what.module, what.unit, what.sample)
    told = (*credit_blocks(made, top), *as_edited(session), *elsewhere(session, snapshot.iteration))
    return Result("credit", credit_data(made, top), told)


@command("against", group="analyse", keys=(("&", "against toggle", ""),), needs_replay=True)
def against(session: Session, iteration: int | Literal["off", "toggle"] | None = None) -> Result:
    """Set every table of contributions beside the same target at another snapshot.

    Each row then has what it was there, the difference and the rank of the difference. Without a number it is the last
    healthy snapshot before the one that is looked at; `against off` ends it, `toggle` does the one or the other. The
    table that is shown is made anew; `sort difference` puts first what moved most.

    A target in one sample is compared with the same sample of the data set where the other batch has it; else with the
    mean over that batch, and that is said.

    JSON: {"command":"against","iteration","target","note"}: the snapshot that is compared with (null: none), what
    stands for the shown target there, and what could not be compared.
    """
    crediting = session.results.crediting
    if iteration == "toggle":
        iteration = None if session.against is None else "off"
    if iteration is None:
        here = session.needed_snapshot()
        healthy = crediting.healthy_before(here)
        if healthy is None:
            kept = ", ".join(str(s.iteration) for s in session.recording.snapshots) or "none"
            raise UsageError(f"no healthy snapshot before {here.iteration}; name one: there are {kept}")
        iteration = healthy.iteration
    other = None if iteration == "off" else snapshot_before(session.recording, iteration).iteration
    shown = crediting.shown
    if shown is not None:
        crediting.shown = shown = crediting.compared(shown, other)
    session.against = other
    if session.against is None:
        return Result("against", {"iteration": None, "target": None, "note": None}, (Text("compared with nothing"),))
    beside = None if shown is None else shown.against
    data = {
        "iteration": session.against,
        "target": None if beside is None or beside.target is None else beside.target.text,
        "note": None if beside is None else beside.said or None,
    }
    said = f"tables of `credit` stand beside those of iteration {session.against:,}"
    return Result("against", data, (Text(said), *(() if shown is None else credit_blocks(shown, 20))))


@command("chain", group="analyse", keys=(("C", "chain", "chain"),), needs_replay=True)
def chain(
    session: Session,
    target: TargetName = "",
    *,
    backward: bool = False,
    open: int | None = None,  # noqa: A002
) -> Result:
    """Follow the target back to the input, largest contributor by largest contributor.

    Targets are as for `credit`. Each line of the account names the command that shows more of it; --open N runs that of
    line N, and a unit's value becomes the target, from which `down` leads back; `up N` goes N units up at once. Of a
    gradient that is not finite the account begins with the one that came in, the operation and where it went.
    --backward follows the target's gradient instead: through which operations it grew on its way from the loss.

    JSON: {"command":"chain","iteration","links":[{"module","unit","sample","value","share","op","source","command"}…],
    "sentence","account":[{"line","what","value","share","op","source","note","command"}…]}; the account is the links
    (after the gradient's lines) and then the region of the input and the parameters; with --backward "links" is empty
    and "value" is the norm of a gradient, "share" how many times that of the line before. With --open the answer is
    that of the line's command.
    """
    snapshot = session.needed_snapshot()
    wanted = target or session.target
    if backward:
        made = session.results.crediting.gradient_chain(snapshot, wanted)
    else:
        made = session.results.crediting.chain(snapshot, wanted)
    if open is not None:
        return _opened(session, wanted, made, open)
    told = (*account_blocks(made, ways=not backward), *as_edited(session), *elsewhere(session, snapshot.iteration))
    return Result("chain", {"iteration": snapshot.iteration, **chain_data(made)}, told)


def _opened(session: Session, wanted: str, made: "Chain", number: int) -> Result:
    if not 0 <= number < len(made.account):
        raise UsageError(f"the chain has lines 0 to {len(made.account) - 1}; {number} is none of them")
    line = made.account[number]
    if line.target:
        open_link(session, wanted, made, line)
    name, _, rest = line.command.partition(" ")
    return REGISTRY.find(name).call(session, rest)
