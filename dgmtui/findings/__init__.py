"""What went wrong, where and why: detectors over a recording and the replay of its failing iteration."""

from dgmtui.findings.diagnose import diagnose
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import Thresholds

__all__ = ["DETECTORS", "Evidence", "Finding", "Severity", "Thresholds", "diagnose"]
