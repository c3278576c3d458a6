"""The dynamics chart: made at once where that is quick, else shown as far as it is known and made by ``refine``."""

from dataclasses import replace
from typing import TYPE_CHECKING

from dgmtui.errors import DgmtuiError
from dgmtui.session.asked import Asked, asked_of
from dgmtui.session.composing import blank
from dgmtui.session.making import ChartMaker
from dgmtui.session.population import generations_of
from dgmtui.session.preliminary import preliminary
from dgmtui.session.sampling import CANCELLED, Wish
from dgmtui.session.view import DynamicsView
from dgmtui.trace.progress import Cancelled

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.session.session import Session

AT_ONCE = 6_000_000
"""Values that are read while one waits: some 50 ms."""
TOO_LARGE = "there is not enough memory to sample these series; `dynamics --window A B` takes less, or another module"


class DynamicsCharts:
    """Sampled charts by what they show.

    ``shown`` and ``chart`` are called with the session's lock, ``refine`` without it and in another thread.
    """

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._generations = generations_of(recording)
        self._maker = ChartMaker()
        self.wish = Wish()

    def forget_rewritten(self) -> None:
        """Rows have come between those that were drawn: a chart's rows are not what they were."""
        if self._generations != (now := generations_of(self._recording)):
            self._generations, self._maker = now, ChartMaker()
            self.wish.drop()

    def chart(self, session: "Session") -> DynamicsView | None:
        """As ``shown``, asked for by a person: what was cancelled or failed is tried again.

        Raises:
            RecordingError: it can't be read.
            Cancelled: a person did not want to wait.
        """
        self.wish.try_again()
        self.forget_rewritten()
        asked = asked_of(session)
        return None if asked is None else self._chart(session, asked)

    def shown(self, session: "Session") -> DynamicsView | None:
        """The chart of the module, quantity, measure, window and scale that are selected; damage is a sentence.

        Returns:
            None where nothing is recorded of it.
        """
        self.forget_rewritten()
        asked = asked_of(session)
        if asked is None:
            self.wish.drop()
            return None
        try:
            return self._chart(session, asked)
        except DgmtuiError as error:
            self.wish.drop()
            self.wish.fail(asked, str(error))
            return blank(asked, str(error))

    def refine(self) -> None:
        """Make the chart that is wanted, in this thread; a newer wish stops it, or is made in its place.

        What goes wrong is told by the next view.
        """
        run = self.wish.begin()
        if run is None:
            return
        made, maker = None, self._maker
        try:
            made = maker.make(run.asked, run.tell, self.wish.latest).asked
        except Cancelled:
            pass
        except DgmtuiError as error:
            if self._generations == generations_of(self._recording):
                self.wish.fail(run.asked, str(error))
        except MemoryError:
            self.wish.fail(run.asked, TOO_LARGE)
        except BaseException as error:
            self.wish.fail(run.asked, str(error))
            raise
        finally:
            self.wish.end(run, made)

    def _chart(self, session: "Session", asked: Asked) -> DynamicsView:
        made = self._maker.made(asked)
        if made is None and asked.extent[0] >= asked.extent[1]:
            made = blank(asked, _no_rows(asked))
        if made is not None:
            self.wish.drop()
            return made
        if trouble := self.wish.trouble_of(asked):
            return self._troubled(asked, trouble)
        if self._maker.work(asked) <= AT_ONCE:
            self.wish.drop()
            return self._maker.make(asked, lambda share: None).chart
        if session.thorough or session.sourcing:
            return self._make_now(session, asked)
        self.wish.want(asked)
        return preliminary(asked, self._maker)

    def _make_now(self, session: "Session", asked: Asked) -> DynamicsView:
        """While one waits, who sees how far it is and may cancel."""
        self.wish.drop()
        progress = session.results.progress()
        made = self._maker.make(asked, lambda share: progress.update(share, asked.what)).chart
        progress.update(1.0, asked.what)
        return made

    def _troubled(self, asked: Asked, trouble: str) -> DynamicsView:
        self.wish.drop()
        if trouble != CANCELLED:
            return blank(asked, trouble)
        return replace(preliminary(asked, self._maker), advice=trouble)


def _no_rows(asked: Asked) -> str:
    if asked.settings.window is None:
        return "no iteration is recorded yet"
    start, stop = asked.settings.window
    return f"no row was recorded in iterations {start:,} to {stop:,}; `dynamics --whole` shows all"
