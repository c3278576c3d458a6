"""Known or intended non-finite values, left out by module, operation, node or source line."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.model import Channel
    from dgmtui.trace.birth import Birth

ROOT = "root"
"""What the root module is called, which has no path."""


class Exclusions:
    """Regular expressions, each searched for in a name; of one run, whatever the rank."""

    def __init__(self) -> None:
        self._patterns: dict[str, re.Pattern[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._patterns)

    @property
    def patterns(self) -> tuple[str, ...]:
        """As typed, in the order they were given."""
        return tuple(self._patterns)

    def add(self, pattern: str) -> None:
        """Leave out what a pattern is found in.

        Raises:
            UsageError: it is no regular expression, or stands already.
        """
        if pattern in self._patterns:
            raise UsageError(f"{pattern!r} is excluded already; `include {pattern}` takes it back")
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{pattern!r} is no regular expression: {error}") from error
        if compiled.search("") is not None:
            raise UsageError(f"{pattern!r} is found in every name; say a part of a module, an operation or node:N")
        self._patterns[pattern] = compiled

    def take_back(self, pattern: str) -> None:
        """Leave it out no more; ``UsageError`` where it does not stand."""
        if pattern not in self._patterns:
            there = f"excluded are: {'  '.join(self._patterns)}" if self._patterns else "nothing is excluded"
            raise UsageError(f"{pattern!r} is not excluded; {there}")
        del self._patterns[pattern]

    def match(self, names: Iterable[str | None]) -> bool:
        """Whether a pattern is found in one of the names."""
        said = [name for name in names if name]
        return any(pattern.search(name) for pattern in self._patterns.values() for name in said)

    def of_birth(self, birth: "Birth") -> bool:
        """Whether a birth is left out."""
        node = None if birth.node is None else f"node:{birth.node}"
        source = None if birth.source is None else str(birth.source)
        return self.match((birth.module or ROOT, birth.op, birth.autograd, birth.outside, node, source))

    def of_finding(self, finding: "Finding") -> bool:
        """Whether a finding of a non-finite value is left out by what it names."""
        if finding.kind != "nonfinite":
            return False
        module = None if finding.module is None else finding.module or ROOT
        return self.match((module, finding.op, finding.autograd, finding.source))

    def kept(self, births: "Sequence[Birth]") -> "tuple[Birth, ...]":
        """Those that are not left out."""
        return tuple(birth for birth in births if not self.of_birth(birth))

    def kept_entries(self, table: NDArray[np.int64], channels: "Sequence[Channel]") -> NDArray[np.bool_]:
        """``[n]``, which entries of the index of non-finite values are of modules that are not left out."""
        left_out = [i for i, channel in enumerate(channels) if self.match((channel.module or ROOT,))]
        kept: NDArray[np.bool_] = ~np.isin(table[:, 1], left_out)
        return kept
