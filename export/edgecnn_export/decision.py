"""The decision about a precision as one sentence: what to ship, what it gains, what is demanded, what is in doubt."""

from dataclasses import dataclass

from edgecnn_export.measured import Measured

__all__ = ["Thresholds", "decision_sentence"]


@dataclass(frozen=True)
class Thresholds:
    """What a lower precision must hold.

    Attributes:
        max_drop: Points of top-1 that it may lose.
        max_flips: Points of flipped labels that pass where the pictures have no labels.
        min_speedup: Times that it must be faster than fp32.
    """

    max_drop: float
    max_flips: float
    min_speedup: float

    def words(self) -> str:
        """For people."""
        return f"demanded are at most {self.max_drop:g} points lost and {self.min_speedup:g} times the speed of fp32"


def decision_sentence(
    *, asked: str, chosen: str | None, measured: dict[str, Measured], reasons: dict[str, str], thresholds: Thresholds
) -> str:
    """One sentence, such as "Ship int8: 3.6× smaller, 1.5× faster, 0 of 208 labels changed; ….".

    Args:
        asked: A precision, or `auto`.
        chosen: The precision to write, or None.
        measured: Figures by precision.
        reasons: A sentence for each precision; `holds` where it misses nothing.
        thresholds: What was demanded.
    """
    if chosen is None:
        return f"Ship no {asked}: {reasons[asked]}; {thresholds.words()}."
    if chosen == "fp32":
        others = [f"{name}: {reason}" for name, reason in reasons.items() if name != "fp32"]
        why = "; ".join(others) or "nothing else was measured"
        return f"Ship fp32: {why}; {thresholds.words()}."
    figures = measured[chosen]
    gains = f"{_gains(measured['fp32'], figures)}, {len(figures.flipped)} of {figures.pictures} labels changed"
    if reasons[chosen] != "holds":
        return f"Written because it was forced, {chosen} misses: {reasons[chosen]} ({gains}); {thresholds.words()}."
    return f"Ship {chosen}: {gains}; {_doubt(figures, thresholds)}; {thresholds.words()}."


def _gains(before: Measured, after: Measured) -> str:
    smaller = before.size_bytes / after.size_bytes
    size = f"{smaller:.1f}× smaller" if smaller >= 1 else f"{1 / smaller:.1f}× larger"
    speed = f"{after.speedup:.1f}× faster" if after.speedup >= 1 else f"{1 / after.speedup:.1f}× slower"
    return f"{size}, {speed}"


def _doubt(figures: Measured, thresholds: Thresholds) -> str:
    """How much it may lose beyond what was seen: where labels are unknown, every changed one may be a loss."""
    most = figures.drop_interval[1] if figures.drop_interval is not None else figures.flip_interval[1]
    if most <= thresholds.max_drop:
        return f"a loss of more than {thresholds.max_drop:g} points is excluded (95 %)"
    return f"too few pictures to exclude a loss of {thresholds.max_drop:g} points (up to {most:.1f} is possible, 95 %)"
