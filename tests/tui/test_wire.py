"""How much goes through the line: budgets for the first paint and for every key, in a real terminal."""

from pathlib import Path

import pytest

from tests.benchmarks.synthetic import write_recording
from tests.terminal import Terminal, screen

SHIPPED = Path(__file__).parents[2] / "recordings"
SMALL, LARGE = (80, 24), (200, 50)
FIRST = {SMALL: 25_000, LARGE: 45_000}
QUIET = 0.4


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("wire") / "bench.h5")


def started(terminal: Terminal, title: str) -> int:
    """Bytes until it is there and nothing goes on behind it."""
    return terminal.until(title, silence=1.5).count


def cost(terminal: Terminal, keys: str) -> int:
    """Bytes that come of ``keys``; every change begins with a move."""
    terminal.press(keys)
    return terminal.until("\x1b[", silence=QUIET).count


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_a_session_on_a_slow_line(synthetic: Path, size: tuple[int, int]) -> None:
    with screen(synthetic, size) as terminal:
        assert started(terminal, "bench.h5") <= FIRST[size]
        assert cost(terminal, "n") <= 4000
        for _ in range(3):
            assert cost(terminal, "h") <= 800
        assert cost(terminal, "\x1b[A") <= 9000
        assert cost(terminal, "t") <= 9000
        assert cost(terminal, ":") <= 800
        assert cost(terminal, "\x1b") <= 800
        assert cost(terminal, "?") <= FIRST[size]
        assert cost(terminal, "\x1b") <= FIRST[size]
        assert cost(terminal, "\x10") <= 60_000
        assert cost(terminal, "\x1b") <= 60_000


def test_a_shipped_recording_with_all_that_is_found_out_about_it() -> None:
    with screen(SHIPPED / "vae.h5", LARGE) as terminal:
        assert terminal.until("vae.h5", silence=0.1).count <= FIRST[LARGE]
        terminal.until("aten.exp", silence=1.0)
        assert len(terminal.data) <= FIRST[LARGE]
        assert cost(terminal, "n") <= 4000
        assert cost(terminal, "w") <= 9000
        terminal.resize(*SMALL)
        assert terminal.until("findings", silence=QUIET).count <= FIRST[SMALL]
        terminal.resize(*LARGE)
        assert terminal.until("findings", silence=QUIET).count <= FIRST[LARGE]


def test_waiting_sends_nothing(synthetic: Path) -> None:
    with screen(synthetic) as terminal:
        started(terminal, "bench.h5")
        assert terminal.listen(silence=1.5, most=1.5).data == b""
