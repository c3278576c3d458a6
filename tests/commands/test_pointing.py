"""An error points at the word of the line that it is about."""

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.pointing import pointed
from dgmtui.errors import DgmtuiError
from dgmtui.session.session import Session


@pytest.mark.parametrize(
    ("line", "carets"),
    [
        ("fingings", "^^^^^^^^"),
        ("module  encc", "        ^^^^"),
        ('module "a b"', "       ^^^^^"),
        ("goto there", "     ^^^^^"),
        ("goto -99", "     ^^^"),
        ("goto 3 4", "       ^"),
        ("goto", "     ^"),
        ("unit 9", "     ^"),
        ("unit 9.5", "     ^^^"),
        ("dynamics --skale log", "         ^^^^^^^"),
        ("dynamics --scale=lag", "                 ^^^"),
        ("dynamics --scale", "                 ^"),
        ("  help fingings", "       ^^^^^^^^"),
        ("print 1 + mean(encc)", "               ^^^^"),
        ("sample 99", "       ^^"),
    ],
)
def test_the_word_that_is_wrong(session: Session, line: str, carets: str) -> None:
    with pytest.raises(DgmtuiError) as raised:
        REGISTRY.run(session, line)
    assert pointed(raised.value) == (line, carets)


def test_where_nothing_in_the_line_is_wrong_nothing_is_pointed_at(session: Session) -> None:
    with pytest.raises(DgmtuiError) as raised:
        REGISTRY.run(session, "next-snapshot")
    assert pointed(raised.value) == ()
