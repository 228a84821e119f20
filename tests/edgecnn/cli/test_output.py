import io
import sys

import pytest

from edgecnn.cli.output import CsvTable, percent, print_json, progress, say, show, shown


def test_percent():
    assert percent(0.895) == "89.5 %"
    assert percent(1, 0) == "100 %"


def test_json_is_one_line_of_utf8(capsysbinary):
    print_json({"label": "Grün\n猫", "path": "gr\udcfcn"})
    assert capsysbinary.readouterr().out == '{"label": "Grün\\n猫", "path": "gr'.encode() + b'\xfcn"}\n'


def test_what_is_no_number_is_no_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"score": float("nan")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("red\x1b[31m", r"red\x1b[31m"),
        ("two\nlines\rover\u2028", r"two\nlines\rover\u2028"),
        ("\u202egnp.cat", r"\u202egnp.cat"),
        ("\x9b31m", r"\x9b31m"),
        ("Grün & 猫 👩\u200d🚀", "Grün & 猫 👩\u200d🚀"),
        ("gr\udcfcn", "gr\udcfcn"),  # bytes of a file's name, as they stand on the disk
    ],
)
def test_text_from_outside_neither_steers_a_terminal_nor_breaks_a_line(text, expected):
    assert shown(text) == expected


def test_what_was_forgotten_is_caught_on_the_way_out(capsys):
    for write in (show, say):
        write("\x1b[1mbold\x1b[0m\nlabel \x1b[2J\u202e")
    assert set(capsys.readouterr()) == {
        "\x1b[1mbold\x1b[0m\nlabel \\x1b[2J\\u202e\n".replace("\x1b[1m", "").replace("\x1b[0m", "")
    }


def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(capsys):
    row = ("=1+1", "+1", "-1", "@SUM(A1)", "\ttab", "\rreturn", "plain", -1.5)
    CsvTable(("a",)).add(row)
    assert capsys.readouterr().out.replace('"', "") == ("a\n'=1+1,'+1,'-1,'@SUM(A1),'\ttab,'\rreturn,plain,-1.5\n")
    CsvTable(("a",), raw=True).add(row[:2])
    assert capsys.readouterr().out == "a\n=1+1,+1\n"


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
