"""What a run of the camera did, for people and for one JSON line."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Summary", "rounded"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run did; ages in milliseconds, from grab to label and from grab to shown picture.

    Attributes:
        bad: Pictures that could not be used.
        unanswered: Frames for which the network gave no finite answer.
        notes: What is worth a word.
        failures: What was asked for and could not be saved; the program's exit code tells too.
    """

    seconds: float
    captured: int
    dropped: int
    bad: int
    unanswered: int
    labeled: int
    still: int
    shown: int
    label_age_p50_ms: float | None
    label_age_p95_ms: float | None
    shown_age_p50_ms: float | None
    shown_age_p95_ms: float | None
    reconnections: int
    recordings: tuple[str, ...]
    recorded_frames: int
    snapshots: tuple[str, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for one JSON line."""
        return {"event": "summary", **asdict(self)}


def rounded(value: float) -> float | None:
    """Two decimals; None for NaN, which JSON does not have."""
    return round(value, 2) if value == value else None  # noqa: PLR0124 - NaN alone differs from itself
