"""Findings as JUnit XML, which CI servers show beside the results of tests."""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from dgmtui.commands.findings_data import place_of
from dgmtui.findings.model import Finding, Severity

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
"""XML 1.0, production 2 (Char)."""
HEAD = '<?xml version="1.0" encoding="utf-8"?><!-- by dgmtui -->'
"""The first line."""


def junit_xml(name: str, detectors: Mapping[str, str], findings: Sequence[Finding]) -> str:
    """One test case a detector, failed where it has an error; warnings are its output.

    Args:
        name: of the recording.
        detectors: name → what it looks for. A finding of a kind without one has a case of its own.
    """
    kinds = list(dict.fromkeys((*detectors, *(finding.kind for finding in findings))))
    of = {kind: [finding for finding in findings if finding.kind == kind] for kind in kinds}
    failures = sum(any(f.severity == Severity.ERROR for f in found) for found in of.values())
    counts = {"tests": str(len(kinds)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", {"name": "dgmtui", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _printable(name), **counts})
    for kind in kinds:
        case = ET.SubElement(suite, "testcase", {"classname": f"dgmtui.{_printable(name)}", "name": kind})
        _fill(case, of[kind])
    ET.indent(root)
    return f"{HEAD}\n{ET.tostring(root, encoding='unicode')}\n"


def _fill(case: ET.Element, findings: Sequence[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == Severity.ERROR]
    if errors:
        failure = ET.SubElement(case, "failure", {"type": errors[0].kind, "message": _printable(errors[0].message)})
        failure.text = "\n\n".join(_account(finding) for finding in errors)
    if others := [finding for finding in findings if finding.severity != Severity.ERROR]:
        ET.SubElement(case, "system-out").text = "\n\n".join(_account(finding) for finding in others)


def _account(finding: Finding) -> str:
    lines = (
        f"{finding.severity} at iteration {finding.iteration:,}: {finding.message}",
        *finding.consequences,
        place_of(finding),
        f"Try: {finding.advice}",
    )
    return _printable("\n".join(filter(None, lines)))


def _printable(text: str) -> str:
    """Without the control characters that XML can't hold."""
    return "".join(
        c if c in "\t\n" or (ord(c) >= 0x20 and not 0xD800 <= ord(c) < 0xE000 and c not in "\ufffe\uffff") else "�"
        for c in text
    )
