import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from edgecnn_runtime import Classifier, ModelFileError, OptionError
from edgecnn_runtime.live import LiveClassifier, SmoothingOptions, Source, SourceOptions, State
from live_models import LABELS, color_model, plain
from live_streams import MjpegServer

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def test_every_frame_of_an_iterable_is_labeled_as_the_classifier_would(classifier: Classifier) -> None:
    pictures = [plain(RED), plain(GREEN), plain(BLUE)]
    views = list(LiveClassifier(classifier, pictures, smoothing=SmoothingOptions(time_constant_s=0)))
    assert [view.label for view in views] == ["red", "green", "blue"]
    for picture, view in zip(pictures, views, strict=True):
        assert view.result is not None
        np.testing.assert_array_equal(view.result.logits, classifier(picture).logits)
    assert views[-1].rates.labeled == 3
    assert [p.label for p in views[0].top(2)] == ["red", "green"]


def test_a_cut_resets_the_average(classifier: Classifier) -> None:
    pictures = [plain(RED)] * 5 + [plain(GREEN)] * 2
    views = list(LiveClassifier(classifier, pictures, smoothing=SmoothingOptions(time_constant_s=30)))
    assert [view.label for view in views] == ["red"] * 5 + ["green"] * 2


def test_below_min_score_it_is_not_sure(classifier: Classifier) -> None:
    view = next(iter(LiveClassifier(classifier, [plain((120, 118, 120))], min_score=0.9)))
    assert (view.label, view.sure) == ("not sure", False)
    assert view.to_dict()["label"] == "not sure"


def test_still_pictures_reuse_their_answer_and_moving_ones_do_not(classifier: Classifier) -> None:
    pictures = [plain(RED)] * 4 + [plain(GREEN)] * 3
    views = list(LiveClassifier(classifier, pictures, skip_still=True))
    assert [view.still for view in views] == [False, True, True, True, False, True, True]
    assert views[-1].rates.still == 5
    assert views[-1].label == "green"


def test_max_fps_is_kept(classifier: Classifier) -> None:
    started = time.monotonic()
    views = list(LiveClassifier(classifier, [plain(RED)] * 9, max_fps=20))
    assert len(views) == 9
    assert time.monotonic() - started >= 8 / 20 - 0.02


def test_inner_maps_come_when_they_are_wanted(classifier: Classifier) -> None:
    live = LiveClassifier(classifier, [plain(RED)] * 3)
    views = iter(live)
    assert next(views).features is None
    live.want_features = live.want_activation = True
    view = next(views)
    assert view.features is not None
    assert view.activation is not None
    assert view.features.shape == (3, 32, 32)
    assert view.activation.shape == (32, 32)
    expected = classifier.class_activation_map(classifier.prepare(plain(RED)), view.index)
    np.testing.assert_allclose(view.activation, expected, rtol=1e-5)


def test_a_model_without_features_says_so() -> None:
    live = LiveClassifier(Classifier(color_model(features=False), threads=1), [plain(RED)])
    assert not live.can_show_activation
    live.want_activation = True
    with pytest.raises(ModelFileError, match="no features output"):
        next(iter(live))


def test_a_lost_source_gives_states_and_never_a_label(classifier: Classifier, mjpeg: MjpegServer) -> None:
    options = SourceOptions(read_timeout_s=0.4, open_timeout_s=1, stale_after_s=0.2)
    with LiveClassifier(classifier, Source(mjpeg.url, options)) as live:
        states, labeled_while_down = [], 0
        threading.Timer(0.4, mjpeg.cut).start()
        threading.Timer(1.6, mjpeg.resume).start()
        down = False
        for view in live:
            states.append(view.state)
            if view.frame is None:
                down = True
                assert (view.label, view.result, view.top()) == ("", None, ())
                assert view.to_dict()["event"] == "state"
            elif down and view.frame.connection == 0:
                labeled_while_down += 1
            elif down:
                break
        assert State.RECONNECTING in states
        assert states[-1] is State.LIVE
        assert labeled_while_down == 0


def test_frames_are_labeled_or_counted_as_dropped(classifier: Classifier, mjpeg: MjpegServer) -> None:
    with LiveClassifier(classifier, mjpeg.url) as live:
        views = []
        for view in live:
            views.append(view)
            time.sleep(0.08)
            if len(views) == 12:
                break
    frames = [view.frame for view in views if view.frame is not None]
    assert frames[-1].index + 1 == len(frames) + sum(frame.dropped for frame in frames)
    assert all(a.grabbed_at < b.grabbed_at for a, b in pairwise(frames))
    assert views[-1].rates.dropped > 0


def test_values_are_checked(classifier: Classifier) -> None:
    with pytest.raises(OptionError, match="min_score is 2"):
        LiveClassifier(classifier, [], min_score=2)
    with pytest.raises(OptionError, match="max_fps is 0"):
        LiveClassifier(classifier, [], max_fps=0)


def test_json_has_stable_names(classifier: Classifier) -> None:
    view = next(iter(LiveClassifier(classifier, [plain(BLUE)])))
    assert list(view.to_dict()) == [
        "event", "index", "label", "class_index", "score", "sure", "raw_label", "raw_score", "top", "age_ms",
        "preprocess_ms", "inference_ms", "position_s", "still", "state", "note", "capture_fps", "inference_fps",
        "captured", "dropped",
    ]  # fmt: skip
    assert view.to_dict()["top"][0] == {"label": LABELS[2], "class_index": 2, "score": round(view.score, 4)}


def test_a_files_own_time_makes_its_labels_equally_calm_at_any_speed(classifier: Classifier) -> None:
    # Half red, half green, too little for a cut: two seconds of video, read in a fraction of that.
    pictures = [plain((140, 110, 110))] * 30 + [plain((110, 140, 110))] * 30
    with LiveClassifier(classifier, Source(pictures, SourceOptions(fps=30))) as live:
        labels = [view.label for view in live]
    assert labels[29] == "red"
    switched = labels.index("green") - 30
    assert 3 <= switched <= 12
