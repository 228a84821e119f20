"""What came of a case: an answer, a refusal in one clean sentence, or a fault, and where the fault comes from."""

import enum
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Case", "Outcome", "Report", "attempt"]

_OURS = frozenset({"edgecnn", "edgecnn_export", "edgecnn_runtime"})
_LONGEST_SENTENCE = 400
_BIDIRECTIONAL = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Outcome(enum.StrEnum):
    """What came of a case; the first two are as they should be."""

    ANSWERED = "answered"
    REFUSED = "refused with a sentence"
    WRONG = "answered, WRONG"
    BABBLE = "refused, but not with one clean sentence"
    TRACEBACK = "traceback"
    SLOW = "over the time"
    LARGE = "over the memory"
    CRASHED = "process died"


@dataclass(frozen=True)
class Case:
    """One piece of data on its way through one stage."""

    name: str
    stage: str
    data: Any


@dataclass(frozen=True)
class Report:
    """What came of a case.

    Attributes:
        case: the case.
        outcome: which way it went.
        words: the answer, the sentence or the exception.
        place: file and function that an exception came from, the last one of edgecnn's own.
        seconds: what it took, as `Limits.seconds` counts.
        grown_mib: growth of the process's memory at its peak.
    """

    case: Case
    outcome: Outcome
    words: str = ""
    place: str = ""
    seconds: float = 0.0
    grown_mib: float = 0.0


def attempt(task: Callable[[], object]) -> tuple[Outcome, str, str]:
    """Do a task and tell a refusal from a fault: outcome, words, and where an exception came from."""
    from edgecnn_runtime import EdgecnnError

    try:
        answer = task()
    except EdgecnnError as error:
        text = str(error)
        return (Outcome.REFUSED if _is_sentence(text) else Outcome.BABBLE), text, _place(error)
    except Exception as error:
        if isinstance(error, AssertionError) and _is_from_here(error):
            return Outcome.WRONG, str(error), ""
        return Outcome.TRACEBACK, f"{type(error).__name__}: {error}", _place(error)
    return Outcome.ANSWERED, str(answer), ""


def _is_sentence(text: str) -> bool:
    control = any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in _BIDIRECTIONAL for letter in text)
    return bool(text.strip()) and len(text) <= _LONGEST_SENTENCE and not control


def _is_from_here(error: BaseException) -> bool:
    """Whether a tool of this folder raised it, and no library did."""
    return Path(traceback.extract_tb(error.__traceback__)[-1].filename).parent == Path(__file__).parent


def _place(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _OURS & {*Path(frame.filename).parts}]
    return f"{Path(ours[-1].filename).parent.name}/{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else ""
