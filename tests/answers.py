"""What commands answer."""

import json
from typing import Any

from dgmtui.commands import REGISTRY
from dgmtui.render.json import plain, to_json
from dgmtui.session.session import Session


def run(session: Session, line: str) -> dict[str, Any]:
    """A command's object, as a program reads it: numbers that are not finite are strings."""
    result: dict[str, Any] = json.loads(to_json(REGISTRY.run(session, line)))
    return result


def asked(session: Session, line: str) -> dict[str, Any]:
    """A command's data in JSON's types; numbers that are not finite are numbers still."""
    data: dict[str, Any] = plain(dict(REGISTRY.run(session, line).data))
    return data
