import pytest
from edgecnn_export.decision import Thresholds, decision_sentence
from edgecnn_export.latency import Latency
from edgecnn_export.measured import Measured

THRESHOLDS = Thresholds(max_drop=0.5, max_flips=3.0, min_speedup=1.1)


def measured(kind: str, *, size: int, speedup: float, most: float = 1.8) -> Measured:
    return Measured(
        precision=kind,
        size_bytes=size,
        latency=Latency(1 / speedup, 0.0, ()),
        speedup=speedup,
        top1=None,
        drop=None,
        drop_interval=None,
        flipped=(),
        pictures=208,
        flip_interval=(0.0, most),
        finite=True,
        answers=(),
    )


FP32 = measured("fp32", size=3600, speedup=1.0)
DEMANDED = "demanded are at most 0.5 points lost and 1.1 times the speed of fp32."


@pytest.mark.parametrize(
    ("chosen", "reason", "most", "sentence"),
    [
        (
            "int8",
            "holds",
            1.8,
            "Ship int8: 3.6× smaller, 1.5× faster, 0 of 208 labels changed; too few pictures to exclude a loss of 0.5 "
            f"points (up to 1.8 is possible, 95 %); {DEMANDED}",
        ),
        (
            "int8",
            "holds",
            0.4,
            "Ship int8: 3.6× smaller, 1.5× faster, 0 of 208 labels changed; a loss of more than 0.5 points is excluded "
            f"(95 %); {DEMANDED}",
        ),
        ("int8", "too slow", 0.4, "Written because it was forced, int8 misses: too slow (3.6× smaller, 1.5× faster, "),
        ("fp32", "too slow", 0.4, f"Ship fp32: int8: too slow; {DEMANDED}"),
        (None, "too slow", 0.4, f"Ship no int8: too slow; {DEMANDED}"),
    ],
)
def test_the_decision_names_gain_threshold_and_doubt(chosen, reason, most, sentence):
    found = decision_sentence(
        asked="int8",
        chosen=chosen,
        measured={"fp32": FP32, "int8": measured("int8", size=1000, speedup=1.5, most=most)},
        reasons={"fp32": "the baseline", "int8": reason},
        thresholds=THRESHOLDS,
    )
    assert found.startswith(sentence)
