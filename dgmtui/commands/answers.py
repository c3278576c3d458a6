"""The last answer, kept so that it can be exported or copied."""

from dgmtui.commands.result import Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.session import Session


def last_answer(session: Session) -> Result:
    """The last answer that is more than a line.

    Raises:
        UsageError: there was none.
    """
    if not isinstance(session.answer, Result):
        raise UsageError("there is no answer yet that is more than a line; give a command first, or name a part")
    return session.answer


def keep_answer(session: Session, result: Result) -> None:
    """Keep an answer for ``blocks_of``, unless it is but a line."""
    only = result.blocks[0] if len(result.blocks) == 1 else None
    if result.blocks and not (isinstance(only, Text) and "\n" not in only.text):
        session.answer = result
