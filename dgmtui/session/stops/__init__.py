"""Where a session stops and what it shows there: conditions over what was recorded, breakpoints and displays."""

from dgmtui.session.stops.breakpoints import Breakpoint, Stops
from dgmtui.session.stops.reading import parse_condition, parse_value

__all__ = ["Breakpoint", "Stops", "parse_condition", "parse_value"]
