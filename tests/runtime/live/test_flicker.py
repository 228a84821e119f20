"""Calm labels on a real clip, with the model that comes in the wheel."""

from itertools import pairwise
from pathlib import Path

from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier


def test_the_shown_label_changes_five_times_less_often_than_the_raw_one(data_dir: Path) -> None:
    raw, shown = [], []
    with LiveClassifier(Classifier(threads=1), data_dir / "videos" / "geese_on_water_720p.mp4") as live:
        for view in live:
            assert view.result is not None
            raw.append(view.result.label)
            shown.append(view.label)
    changes = [sum(a != b for a, b in pairwise(labels)) for labels in (raw, shown)]
    assert changes[0] >= 15
    assert changes[1] * 5 <= changes[0]
