"""What cannot become a report is said before a network is loaded."""

from pathlib import Path

import pytest
from edgecnn_runtime import OptionError

from edgecnn.zoo.exporting import ExportOptions


def test_a_report_needs_a_comparison_and_an_ending():
    with pytest.raises(OptionError, match="nothing to report on: --report goes with --precision fp16, int8 or auto"):
        ExportOptions(report=Path("report.html"))
    with pytest.raises(OptionError, match=r"the report 'report.txt' ends in .txt; expected .html"):
        ExportOptions(precision="int8", report=Path("report.txt"))
