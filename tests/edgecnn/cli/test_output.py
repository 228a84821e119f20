import io
import sys

import pytest

from edgecnn.cli.output import percent, print_json, progress


def test_percent():
    assert percent(0.895) == "89.5 %"
    assert percent(1, 0) == "100 %"


def test_json_is_one_line_of_utf8(capsysbinary):
    print_json({"label": "Grün\n猫", "path": "gr\udcfcn"})
    assert capsysbinary.readouterr().out == '{"label": "Grün\\n猫", "path": "gr'.encode() + b'\xfcn"}\n'


def test_progress_is_silent_where_no_one_watches(capsys):
    with progress("working", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total", [10, None])
def test_progress_shows_what_is_done_on_a_terminal(monkeypatch, total):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("classifying", total, unit="pictures") as advance:
        advance(4)
    assert "classifying" in terminal.getvalue()
    assert "4/10" in terminal.getvalue() or total is None


def test_progress_of_one_step_says_nothing(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("classifying", 1) as advance:
        advance(1)
    assert terminal.getvalue() == ""
