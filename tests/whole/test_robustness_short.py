"""Damaged pictures, model files and run folders: an answer or one sentence, never a traceback, a hang or gigabytes.

`benchmarks/robustness/` has the same in long; `--seed 20 --first NUMBER --count 1` repeats the case of a failure.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

for package in ("psutil", "onnx", "torch", "jinja2"):
    pytest.importorskip(package, reason="damages files of every kind, and watches what reads them")

SWEEPS = Path(__file__).parents[2] / "benchmarks" / "robustness"
SEED = 20


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Iterator[object], Callable[[object], object]]]:
    """The cases of each kind, and what is tried with one."""
    monkeypatch.syspath_prepend(str(SWEEPS))
    import edit_runs
    import mutate_models
    import mutate_pictures

    return {
        "pictures": (mutate_pictures.cases(SEED, 120), mutate_pictures.try_picture),
        "models": (mutate_models.cases(SEED, 30), mutate_models.try_model),
        "runs": (edit_runs.cases(SEED, 100), edit_runs.try_run),
    }


@pytest.mark.parametrize("kind", ["pictures", "models", "runs"])
def test_damaged_files_are_answered_or_refused_with_a_sentence(sweeps, kind):
    from limits import Limits, run_cases
    from outcomes import Outcome

    cases, task = sweeps[kind]
    # Far more than any case takes, and far less than a loop without an end: the machine's load decides nothing.
    reports = list(run_cases(cases, task, Limits(seconds=30, memory_mib=1024)))
    wrong = [report for report in reports if report.outcome not in (Outcome.ANSWERED, Outcome.REFUSED)]
    assert [f"{r.case.name}, {r.case.stage}: {r.outcome}: {r.words[:200]} ({r.place})" for r in wrong] == []
    assert len({report.outcome for report in reports}) == 2, "some changes are felt, others are not"
