"""Tables for a spreadsheet, on standard output."""

import csv
import sys
from collections.abc import Iterable

__all__ = ["CsvTable"]

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


class CsvTable:
    """A CSV table on standard output.

    Args:
        columns: Their names, the first row.
        raw: Write each cell as it is. Otherwise one that a spreadsheet would run as a formula gets an apostrophe
            in front.
    """

    def __init__(self, columns: Iterable[str], *, raw: bool = False) -> None:
        self._raw = raw
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self.add(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Write a row; numbers are never formulas."""
        self._writer.writerow([cell if self._raw else _harmless(cell) for cell in cells])


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN_BY_SPREADSHEETS) else cell
