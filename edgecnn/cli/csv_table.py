"""Tables for a spreadsheet, on standard output."""

import csv
import sys
from collections.abc import Iterable

from edgecnn.cli.escape import shown

__all__ = ["CsvTable"]

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


class CsvTable:
    """A CSV table on standard output.

    Args:
        columns: Their names, the first row.
        raw: Write each cell as it is. Otherwise one that a spreadsheet would run as a formula gets an apostrophe
            in front, and a terminal gets escapes for what it could take for orders.
    """

    def __init__(self, columns: Iterable[str], *, raw: bool = False) -> None:
        self._raw, self._on_terminal = raw, sys.stdout.isatty()
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self.add(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Write a row; numbers are never formulas."""
        self._writer.writerow([cell if self._raw else self._harmless(cell) for cell in cells])

    def _harmless(self, cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        harmless = f"'{cell}" if cell.startswith(_RUN_BY_SPREADSHEETS) else cell
        return shown(harmless) if self._on_terminal else harmless
