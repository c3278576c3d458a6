"""A shell in a real terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import TmuxTerminal


@pytest.fixture
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TmuxTerminal]:
    if not TmuxTerminal.is_installed():
        pytest.skip("tmux is not installed here")
    columns, rows = request.param
    made = TmuxTerminal(tmp_path, columns, rows)
    yield made
    made.close()
