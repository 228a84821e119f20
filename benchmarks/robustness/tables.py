"""What the sweeps share on the outside: their options, the table they print, and the inputs they keep."""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from limits import Limits
from outcomes import Outcome, Report

__all__ = ["FAULTS", "finish", "limits_of", "markdown", "options", "print_faults", "tabulate"]

FAULTS = frozenset(Outcome) - {Outcome.ANSWERED, Outcome.REFUSED}
_SHOWN = 200  # characters of an exception that a table shows


def options(about: str, *, count: int, seconds: float = 5.0) -> argparse.ArgumentParser:
    """The options that every sweep has."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="decides every case")
    parser.add_argument("--count", type=int, default=count, help="how many cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to repeat a single one")
    parser.add_argument("--seconds", type=float, default=seconds, help="longest time of a case")
    parser.add_argument("--memory", type=float, default=1024.0, help="most growth of memory in a case, MiB")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--output", type=Path, help="file to write the tables to, as Markdown")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that show a fault")
    return parser


def limits_of(arguments: argparse.Namespace) -> Limits:
    """The limits that were asked for."""
    return Limits(arguments.seconds, arguments.memory)


def markdown(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tabulate(reports: Iterable[Report]) -> str:
    """Cases by stage and outcome, with the slowest and the largest."""
    reports = list(reports)
    rows = []
    for stage in dict.fromkeys(report.case.stage for report in reports):
        mine = [report for report in reports if report.case.stage == stage]
        counts = Counter(report.outcome for report in mine)
        slowest, largest = max(r.seconds for r in mine), max(r.grown_mib for r in mine)
        rows.append([stage, len(mine), *(counts[kind] for kind in Outcome), f"{slowest:.1f}", f"{largest:.0f}"])
    return markdown(["stage", "cases", *Outcome, "longest s", "most MiB"], rows)


def print_faults(reports: Iterable[Report], *, most: int = 40) -> str:
    """The faults by kind, each with how often, one case that shows it, and where it comes from."""
    kinds: dict[tuple[str, ...], list[Report]] = {}
    for report in reports:
        if report.outcome in FAULTS:
            kind = report.words.split(":")[0] if report.outcome is Outcome.TRACEBACK else ""
            kinds.setdefault((report.case.stage, str(report.outcome), kind, report.place), []).append(report)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))[:most]
    rows = [[len(found), *key[:2], found[0].case.name, found[0].words[:_SHOWN], key[3]] for key, found in ordered]
    return markdown(["times", "stage", "fault", "first case", "words", "place"], rows) if rows else "no faults\n"


def finish(arguments: argparse.Namespace, reports: Iterable[Report], *, title: str) -> None:
    """Print and write the tables, and keep the inputs that show a fault; the exit code says whether there are any."""
    reports = list(reports)
    text = f"## {title}\n\nseed {arguments.seed}\n\n{tabulate(reports)}\n{print_faults(reports)}"
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    for report in reports:
        if arguments.keep and report.outcome in FAULTS and isinstance(report.case.data, bytes):
            arguments.keep.mkdir(parents=True, exist_ok=True)
            name = f"{report.case.name}-{report.case.stage}".replace("/", "_").replace(" ", "_")
            (arguments.keep / name).write_bytes(report.case.data)
    raise SystemExit(any(report.outcome in FAULTS for report in reports))


def _cell(value: object) -> str:
    return str(value).encode("unicode_escape").decode("ascii").replace("|", "\\|")
