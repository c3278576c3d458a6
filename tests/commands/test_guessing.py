"""What somebody new types, and what is said to do instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import DgmtuiError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session


@pytest.fixture(scope="module")
def session(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        yield Session(recording)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x", "no command 'x'; the key x outside this prompt runs `explain`"),
        ("dgmtui run.h5", "no command 'dgmtui'; that is a line for the shell; `quit` leaves to it"),
        ("input[0][2] = input[0][1]", "`set input[0][2] = input[0][1]` changes that"),
        ("enc", "no command 'enc'; `module enc` looks at that"),
        ("enc[1]", "`credit enc[1]` says what made it"),
        ("exlpain", "no command 'exlpain'; did you mean 'explain'?"),
        ("set", "set: it needs CHANGE, as in `set input[0][17] = input[0][3]`"),
        ("save", "save: it needs FILE; its usage is `save FILE`"),
        ("drop 2", "drop: what takes sample, not '2'; as in `drop sample 17`"),
        ("module enc 1", "module: '1' is one word too many; its usage is `module [PATH]`"),
        ("unit 9", "unit: the root module has units 0 to 2; not 9"),
        ("quantity weights", "not 'weights' (did you mean 'weight'?)"),
        ("credit --tpo 5", "unknown option '--tpo' (did you mean '--top'?)"),
    ],
)
def test_an_error_says_what_to_type(session: Session, line: str, said: str) -> None:
    with pytest.raises(DgmtuiError) as raised:
        REGISTRY.run(session, line)
    assert said in str(raised.value)


def test_numbers_are_typed_as_the_screen_shows_them() -> None:
    with open_recording(Path(__file__).parents[2] / "recordings" / "vae.h5") as recording:
        session = Session(recording)
        REGISTRY.run(session, "goto 1,024")
        assert session.iteration == 1024
