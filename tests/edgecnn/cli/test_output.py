import io
import json
import sys

import pytest
from support.command import edgecnn

from edgecnn.cli.csv_table import CsvTable
from edgecnn.cli.output import (
    PlainProgress,
    Verbosity,
    detail,
    percent,
    print_json,
    progress,
    remark,
    say,
    set_verbosity,
    show,
    shown,
    steps,
    warn,
)


@pytest.fixture
def verbosity():
    yield set_verbosity
    set_verbosity(Verbosity.NORMAL)


def test_percent():
    assert percent(0.895) == "89.5 %"
    assert percent(1, 0) == "100 %"


def test_json_is_one_line_of_utf8(capsysbinary):
    print_json({"label": "Grün\n猫", "path": "gr\udcfcn"})
    assert capsysbinary.readouterr().out == '{"label": "Grün\\n猫", "path": "gr'.encode() + b'\xfcn"}\n'


def test_json_holds_nothing_that_a_terminal_could_take_for_an_order(capsysbinary):
    label = "猫\x9b31m\u202e\u2028\x7f gr\udcfcn"
    print_json({"label": label})
    out = capsysbinary.readouterr().out
    assert out == '{"label": "猫\\u009b31m\\u202e\\u2028\\u007f gr'.encode() + b'\xfcn"}\n'
    assert json.loads(out.decode("utf-8", "surrogateescape"))["label"] == label


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


def test_a_warning_is_one_line_whatever_it_repeats(capsys):
    warn("label cat\nwarning: \x1b[32mall is well")
    assert capsys.readouterr().err.splitlines()[0].endswith(r"label cat\nwarning: \x1b[32mall is well")


def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(capsys):
    row = ("=1+1", "+1", "-1", "@SUM(A1)", "\ttab", "\rreturn", "plain", -1.5)
    CsvTable(("a",)).add(row)
    assert capsys.readouterr().out.replace('"', "") == ("a\n'=1+1,'+1,'-1,'@SUM(A1),'\ttab,'\rreturn,plain,-1.5\n")
    CsvTable(("a",), raw=True).add(row[:2])
    assert capsys.readouterr().out == "a\n=1+1,+1\n"


def test_a_table_on_a_terminal_gives_it_no_orders(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    CsvTable(("label",)).add(["\x1b[2J\u202ecat\ndog"])
    assert terminal.getvalue() == "label\n\\x1b[2J\\u202ecat\\ndog\n"


def test_short_work_says_nothing_where_no_one_watches(capsys):
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


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of(capsys, *, total: int | None, seconds_a_step: float, count: int) -> list[str]:
    clock = Clock()
    lines = PlainProgress("classifying", total, unit="pictures", clock=clock)
    for _ in range(count):
        clock.now += seconds_a_step
        lines.advance(1)
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_a_line_at_every_tenth(capsys):
    found = lines_of(capsys, total=400, seconds_a_step=0.5, count=400)
    assert found[0] == "classifying: 40 of 400 pictures, 2.0 a second"
    assert len(found) == 10


def test_a_log_gets_lines_ten_seconds_apart_however_fast_it_goes(capsys):
    found = lines_of(capsys, total=400, seconds_a_step=0.125, count=400)
    assert [line.split()[1] for line in found] == ["80", "160", "240", "320", "400"]


@pytest.mark.parametrize("total", [1_000_000, None])
def test_a_log_gets_a_line_a_minute_however_long_it_takes(capsys, total):
    found = lines_of(capsys, total=total, seconds_a_step=1, count=180)
    assert [line.split()[1] for line in found] == ["60", "120", "180"]


def test_steps_are_lines_in_a_log(capsys):
    with steps() as step:
        step("quantizing")
    assert capsys.readouterr() == ("", "quantizing\n")


def test_quiet_leaves_results_and_warnings(capsys, verbosity):
    verbosity(Verbosity.QUIET)
    remark("next: …")
    say("plan")
    detail("path")
    warn("slow")
    with steps() as step, progress("classifying", 10) as advance:
        step("quantizing")
        advance(1)
    assert capsys.readouterr() == ("", "warning: slow\n")


def test_verbose_adds_details(capsys, verbosity):
    detail("path")
    assert capsys.readouterr().err == ""
    verbosity(Verbosity.VERBOSE)
    detail("path")
    assert capsys.readouterr().err == "path\n"


@pytest.mark.parametrize("place", [0, 1])
def test_quiet_goes_with_every_command_wherever_it_stands(sample_images, place):
    command = ["classify", sample_images / "school_bus.jpg"]
    command.insert(place, "--quiet")
    done = edgecnn(*command)
    assert (done.code, done.err) == (0, ""), done
    assert [line.split("%")[1].strip() for line in done.out.splitlines()] == ["school bus", "trolleybus", "streetcar"]


def test_verbose_tells_versions_path_and_what_runs_it(model, sample_images):
    done = edgecnn("classify", sample_images / "school_bus.jpg", "--model", model, "--verbose")
    assert done.code == 0, done
    for told in (
        "Python 3.",
        "onnxruntime 1.",
        "numpy ",
        str(model),
        "colors: fp32, ",
        "32×32",
        "(CPUExecutionProvider)",
    ):
        assert told in done.err


def test_quiet_and_verbose_exclude_each_other():
    done = edgecnn("--quiet", "doctor", "--verbose")
    assert (done.code, done.out, done.err) == (2, "", "error: --quiet and --verbose exclude each other.\n")
