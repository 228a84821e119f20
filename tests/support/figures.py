"""Figures that a document shows, beside those that are printed now."""

import re

_NUMBER = re.compile(r"\d[\d.]*(?:e[-+]\d+)?")
# Of a percentage, or one unit of its last digit: ONNX Runtime's sums differ a little from processor to processor.
_POINTS = 0.3


def differences(shown: str, printed: str) -> list[str]:
    """The lines that differ by more than what differs between machines.

    Times and rounding errors are any number, percentages may be a little apart, everything else must be equal.
    """
    shown_lines, printed_lines = shown.splitlines(), printed.splitlines()
    if len(shown_lines) != len(printed_lines):
        return [f"{len(shown_lines)} lines are shown, {len(printed_lines)} printed: {printed}"]
    pairs = zip(shown_lines, printed_lines, strict=True)
    return [f"shown: {one}; printed: {other}" for one, other in pairs if not _agree(one, other)]


def _agree(shown: str, printed: str) -> bool:
    if _NUMBER.sub("#", shown).split() != _NUMBER.sub("#", printed).split():
        return False
    pairs = zip(_NUMBER.finditer(shown), _NUMBER.finditer(printed), strict=True)
    return all(_same(one, other, shown[one.end() :]) for one, other in pairs)


def _same(shown: re.Match[str], printed: re.Match[str], behind: str) -> bool:
    if behind.startswith(" ms") or "e" in shown[0] + printed[0]:
        return True
    if behind.lstrip().startswith("%"):
        digits = len(shown[0].partition(".")[2])
        return abs(float(shown[0]) - float(printed[0])) <= max(_POINTS, 10.0**-digits) + 1e-9
    return shown[0] == printed[0]
