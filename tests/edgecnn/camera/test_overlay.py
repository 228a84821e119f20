import numpy as np
import pytest
from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier, State, View
from support.live import plain_array as plain

from edgecnn.camera.compose import Composer
from edgecnn.camera.controls import VIEW_KEYS, Controls, Mode
from edgecnn.camera.fonts import font_for, printable
from edgecnn.camera.maps import shown_tensors
from edgecnn.camera.sobel import EdgeKind

SIZES = [(64, 48), (640, 480), (480, 854), (3840, 2160), (3, 2)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_view_can_be_composed_and_annotated_at_any_size(classifier: Classifier, size: tuple[int, int]) -> None:
    live = LiveClassifier(classifier, [plain((200, 30, 30), size)])
    live.further_outputs = tuple(set(shown_tensors(classifier.model).values()))
    view = next(iter(live))
    composer = Composer(classifier, most=(1920, 1080))
    for key in VIEW_KEYS:
        controls = Controls()
        controls.press(key)
        controls.press("h")
        picture = composer.compose(view, controls)
        before = picture.copy()
        composer.annotate(picture, view, controls, shown_fps=30, recording=True)
        assert picture.dtype == np.uint8
        assert picture.shape[0] <= 1080
        assert min(size) < 10 or not np.array_equal(picture, before)
    assert view.frame is not None
    assert view.frame.image[0, 0].tolist() == [200, 30, 30], "the frame itself is never drawn on"


def test_without_a_frame_the_last_picture_is_darkened_with_the_state_on_it(classifier: Classifier) -> None:
    live = LiveClassifier(classifier, [plain((200, 200, 200), (640, 480))])
    composer = Composer(classifier)
    composer.compose(next(iter(live)), Controls())
    lost = View(state=State.RECONNECTING, note="no answer", rates=live.rates)
    picture = composer.compose(lost, Controls())
    assert picture.shape == (480, 640, 3)
    assert picture[0, 0].tolist() == [66, 66, 66]
    assert picture[200:280].max() > 200


def test_letters_of_other_alphabets_are_drawn_or_honestly_missing() -> None:
    for label in ("red", "Wärmebild", "猫 γάτα"):
        font = font_for(label, 20)
        shown = printable(label, font)
        assert len(shown) == len(label)
        assert all(a in (b, "?") for a, b in zip(shown, label, strict=True))
    assert printable("Wärmebild", font_for("Wärmebild", 20)) == "Wärmebild"


def test_keys_choose_views_and_bad_ones_do_nothing() -> None:
    controls = Controls()
    for expected in (EdgeKind.MAGNITUDE, EdgeKind.SOBEL_Y, EdgeKind.SOBEL_X):
        assert controls.press("e")
        assert (controls.mode, controls.edge_kind) == (Mode.EDGES, expected)
    controls.press("e")
    assert controls.mode is Mode.PLAIN
    controls.press("9")
    assert (controls.mode, controls.split) == (Mode.ACTIVATION, True)
    assert not controls.press("x")
    assert not controls.press("")
    controls.press(" ")
    assert controls.paused
    controls.press("\x1b")
    assert controls.quit


def test_cam_is_refused_with_a_word_where_there_is_none() -> None:
    controls = Controls(available=[Mode.FEATURES])
    controls.press("c")
    assert controls.mode is Mode.PLAIN
    assert "no features output" in controls.message
