"""What starting the screen loads, in processes of their own."""

import subprocess
import sys

PAINT = """
import asyncio, sys
from types import SimpleNamespace
sys.path.insert(0, {folder!r})
from tests.tui.conftest import FakeSession, made_registry, made_view
from dgmtui.tui.app import DgmtuiApp

async def main():
    view = made_view()
    app = DgmtuiApp(FakeSession(view), made_registry(), first=view)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()

asyncio.run(main())
print(sorted(name for name in ("torch", "sklearn", "scipy", "plotext", "captum") if name in sys.modules))
"""


def output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_first_paint_loads_no_slow_library() -> None:
    from pathlib import Path

    assert output(PAINT.format(folder=str(Path(__file__).parents[2]))).strip() == "[]"


def test_importing_the_package_loads_no_textual() -> None:
    code = "import sys, dgmtui.tui; print('textual' in sys.modules, 'rich' in sys.modules, 'h5py' in sys.modules)"
    assert output(code).split() == ["False"] * 3


def test_printing_loads_no_textual() -> None:
    code = "import sys, dgmtui.render.text; print('textual' in sys.modules, 'torch' in sys.modules)"
    assert output(code).split() == ["False", "False"]
