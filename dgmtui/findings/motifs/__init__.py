"""Motifs: what series do (spike, step, drift, oscillation, plateau, divergence), and which units do it together."""

from dgmtui.findings.motifs.finding import find_patterns, patterns_of
from dgmtui.findings.motifs.leading import began_at, change_before
from dgmtui.findings.motifs.model import Group, MotifKind, Part, Patterns, Table

__all__ = [
    "Group",
    "MotifKind",
    "Part",
    "Patterns",
    "Table",
    "began_at",
    "change_before",
    "find_patterns",
    "patterns_of",
]
