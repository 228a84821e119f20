import time
from itertools import pairwise

import numpy as np
import onnx
import pytest
from edgecnn_runtime import Classifier, ModelFileError, Normalization, OptionError, Preprocess
from edgecnn_runtime.live import LiveClassifier, SmoothingOptions, Source, SourceOptions, State
from support.live import plain_array as plain
from support.models import LABELS, float_model
from support.streams import MjpegServer

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
    assert next(views).outputs == {}
    live.further_outputs = ("first", "features")
    view = next(views)
    assert view.outputs.keys() == {"first", "features"}
    wanted = classifier.with_outputs(["first"]).run(classifier.prepare(plain(RED))[None], ["first", "features"])
    np.testing.assert_array_equal(view.outputs["first"], wanted[0][0])
    np.testing.assert_array_equal(view.outputs["features"], wanted[1][0])
    live.further_outputs = ()
    assert next(views).outputs == {}


def test_a_network_that_ends_in_softmax_is_labeled_as_the_classifier_would() -> None:
    network = float_model(given="scores")
    network.graph.node.append(onnx.helper.make_node("Softmax", ["scores"], ["output"]))
    network.graph.output[0].name = "output"
    data, normalization = network.SerializeToString(), Normalization()
    alone = Classifier(data, labels=LABELS, preprocess=Preprocess(32, 32), normalization=normalization, device="cpu")
    view = next(iter(LiveClassifier(alone, [plain(RED)])))
    assert view.result is not None
    np.testing.assert_array_equal(view.result.probabilities, alone(plain(RED)).probabilities)


def test_a_tensor_that_the_network_does_not_have_is_named(classifier: Classifier) -> None:
    live = LiveClassifier(classifier, [plain(RED)])
    live.further_outputs = ("nothing",)
    with pytest.raises(ModelFileError, match="nothing"):
        next(iter(live))


def test_a_lost_source_gives_states_and_never_a_label(classifier: Classifier, mjpeg: MjpegServer) -> None:
    with LiveClassifier(classifier, mjpeg.url) as live:
        views = iter(live)
        assert next(views).frame is not None
        mjpeg.cut()
        while (view := next(views)).state is not State.RECONNECTING:
            pass
        while view.frame is not None:  # the one that lay there when the source went away
            view = next(views)
        assert (view.label, view.result, view.top()) == ("", None, ())
        assert view.to_dict()["event"] == "state"
        mjpeg.resume()
        while (view := next(views)).frame is None:
            assert view.label == ""
        assert (view.frame.connection, view.state) == (1, State.LIVE)


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


def test_an_answer_that_is_not_finite_is_said_and_the_next_one_counts(classifier: Classifier) -> None:
    """A network that fails on bright pictures: their scores overflow."""
    network = float_model(given="scores")
    network.graph.initializer.append(onnx.helper.make_tensor("large", onnx.TensorProto.FLOAT, [], [3e38]))
    network.graph.node.append(onnx.helper.make_node("Mul", ["scores", "large"], ["output"]))
    network.graph.output[0].name = "output"
    data, normalization = network.SerializeToString(), Normalization()
    broken = Classifier(data, labels=LABELS, preprocess=Preprocess(32, 32), normalization=normalization, device="cpu")
    live = LiveClassifier(broken, [plain((255, 255, 255)), plain((0, 0, 0)), plain((255, 255, 255))])
    views = list(live)
    answered = [view.result is not None for view in views]
    assert answered == [False, True, False], [view.note for view in views]
    assert "not finite" in views[0].note
    assert views[0].frame is not None
    assert (views[0].label, views[0].top(), views[0].to_dict()["event"]) == ("", (), "state")
    assert (live.unanswered, live.rates.labeled) == (2, 1)
