"""One snapshot's iteration run again, and how that is said."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.recording.model import Match, SnapshotInfo, Verdict
from dgmtui.session.edits import RECORDED

if TYPE_CHECKING:
    from dgmtui.session.edits import Standing
    from dgmtui.trace.replay import Replay


@dataclass(frozen=True, eq=False)
class Replayed:
    """One snapshot's iteration, run again forward and backward."""

    snapshot: SnapshotInfo
    replay: "Replay"
    verdict: Verdict | None
    """What comparing it with the recorded iteration said; None in another dtype or edited, where there is nothing to
    compare."""
    no_gradients: str = ""
    """Why there is no backward pass; empty where there is one."""
    edits: "Standing" = RECORDED
    """Those that it was changed by, in order."""
    changed: frozenset[str] = frozenset()
    """Names of the outside tensors that edits wrote into."""
    said: str = ""
    """What the last edit did, where that is not just what it was asked for."""

    @property
    def words(self) -> str:
        """``replay matches``, ``replay agrees``, ``replay differs``, ``replay not verified``, or that it is edited."""
        return f"{edited_words(self.edits)}: not compared with the training" if self.edits else words_of(self.verdict)


def edited_words(edits: "Standing") -> str:
    """``edited (2 edits)``."""
    return f"edited ({len(edits)} edit{'s' * (len(edits) != 1)})"


def words_of(verdict: Verdict | None) -> str:
    """A verdict as the title shows it: the lesser of forward and gradient."""
    if verdict is None:
        return "replay not verified"
    judged = {verdict.forward, verdict.gradient}
    for match in (Match.DIFFERS, Match.AGREES, Match.MATCHES):
        if match in judged:
            return f"replay {match}"
    return "replay not verified"
