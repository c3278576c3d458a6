"""The screen of a recording as an SVG, without a terminal: ``screenshot.py REC OUT.svg --size 110x32 -c n -c credit``.

Commands are run as if typed; it waits until all work is done, findings and sampling included.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp

_LONGEST = 600
"""Seconds."""


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, metavar="REC")
    parser.add_argument("picture", type=Path, metavar="OUT")
    parser.add_argument("--size", default="110x32", metavar="WIDTHxHEIGHT")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("-c", dest="commands", action="append", default=[], metavar="CMD", help="run it first")
    parser.add_argument("-k", dest="keys", action="append", default=[], metavar="KEY", help="press it after them")
    chosen = parser.parse_args()
    width, height = (int(number) for number in chosen.size.split("x"))
    with open_recording(chosen.recording) as recording:
        session = Session(recording)
        session.start()
        taken = _take(session, (width, height), chosen.theme, chosen.commands, chosen.keys)
        svg = asyncio.run(asyncio.wait_for(taken, _LONGEST))
    chosen.picture.write_text(svg, encoding="utf-8")


async def _take(
    session: Session, size: tuple[int, int], theme: str, commands: Sequence[str], keys: Sequence[str]
) -> str:
    app = DgmtuiApp(session, REGISTRY, first=session.view(), look=theme)
    async with app.run_test(size=size) as pilot:
        await _rest(app, session)
        for line in commands:
            app.main.submit(line, typed=False)
            await _rest(app, session)
        for key in keys:
            await pilot.press(key)
            await _rest(app, session)
        return app.export_screenshot(title=f"dgmtui {session.recording.path.name}")


async def _rest(app: DgmtuiApp, session: Session) -> None:
    """Wait until nothing is under way any more."""
    while True:
        await asyncio.sleep(0.3)
        await app.workers.wait_for_complete()
        if not app.main.at_work and session.ranks.complete and not session.sampling_due:
            return


if __name__ == "__main__":
    main()
