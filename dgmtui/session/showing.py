"""Charts that show a recording's loss and what a finding concerns, without moving what a person looks at."""

from typing import TYPE_CHECKING

from dgmtui.recording.model import Quantity
from dgmtui.session.chart_settings import ChartSettings
from dgmtui.session.operations import Operations
from dgmtui.session.session import Session
from dgmtui.session.subject import Subject, charted, of_birth

if TYPE_CHECKING:
    from dgmtui.findings import Finding
    from dgmtui.session.view import DynamicsView

_QUANTITIES = {
    "parameter_not_updated": Quantity.UPDATE,
    "update_too_large": Quantity.UPDATE,
    "update_too_small": Quantity.UPDATE,
    "gradient_accumulating": Quantity.WEIGHT_GRADIENT,
    "exploding_gradient": Quantity.WEIGHT_GRADIENT,
    "vanishing_gradient": Quantity.WEIGHT_GRADIENT,
}
"""What of a module a kind of finding is about; of other kinds the phase tells."""
_OF_PHASES = {"backward": Quantity.GRADIENT, "update": Quantity.UPDATE}


def chart_of(session: Session, finding: "Finding") -> "DynamicsView | None":
    """The dynamics of the module that a finding concerns, with its unit; None where no series of it were recorded.

    Raises:
        RecordingError: it can't be read.
        Cancelled: a person did not want to wait.
    """
    recording = session.ranks.recording(finding.rank)
    subject = _subject(session, finding)
    if subject is None:
        return None
    looking = Session(recording, thorough=True)
    looking.iteration = finding.iteration
    looking.drawn = ChartSettings(scale="symlog")
    looking.select_module(subject.module)
    if subject.quantity in looking.quantities():
        looking.select_quantity(subject.quantity, None)
    if subject.unit is not None and subject.unit < looking.unit_count():
        looking.select_unit(subject.unit)
    return looking.charts.chart(looking)


def _subject(session: Session, finding: "Finding") -> Subject | None:
    """Of a non-finite value the unit that caused it, if a replay has told; else the module, or what feeds it."""
    recording, results = session.ranks.recording(finding.rank), session.ranks.results(finding.rank)
    snapshot = recording.snapshot(finding.iteration)
    if finding.kind == "nonfinite" and snapshot is not None and snapshot.trace >= 0:
        graph = Operations(recording).graph(snapshot.trace)
        found = None if graph is None else of_birth(recording, results, snapshot, graph)
        if found is not None:
            return found
    known = charted(recording)
    module = next((m for m in (finding.module, finding.data.get("fed_by")) if m in known), None)
    quantity = _QUANTITIES.get(finding.kind) or _OF_PHASES.get(finding.phase or "", Quantity.ACTIVATION)
    unit = finding.unit if module == finding.module else None
    return None if module is None else Subject(module, unit, finding.sample, quantity)
