import numpy as np
import pytest
from edgecnn_runtime import DataError, Preprocess, prepare
from support.pictures import RED, plain, save, scene

from edgecnn.data import load_data
from edgecnn.data.prepared import calibration_pictures, evaluation_pictures
from edgecnn.data.split import write_split

SMALL = Preprocess(16, 16)
LABELS = ("cat", "dog")


@pytest.fixture
def photos(tmp_path):
    for number in range(20):
        save(scene(30, 24, seed=number), tmp_path / "photos" / LABELS[number % 2] / f"{number:02}.png")
    return tmp_path / "photos"


def test_calibration_spreads_over_a_folder_and_evaluation_takes_the_rest(photos):
    said = []
    (photos / "cat" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    calibration = calibration_pictures(photos, SMALL, LABELS, 5, warn=said.append)
    assert (len(calibration), calibration.labels) == (5, None)
    assert [name[-10:] for name in (calibration.names[0], calibration.names[-1])] == ["cat/00.png", "dog/19.png"]
    evaluation = evaluation_pictures(photos, SMALL, LABELS, without=calibration, warn=said.append)
    assert (len(evaluation), evaluation.source) == (15, "photos without the 5 for calibration")
    assert said == ["Left out of photos: HEIC pictures: 1 (phone.heic)."] * 2
    with pytest.raises(DataError, match=r"every picture of .* was used for calibration; none is left"):
        everything = calibration_pictures(photos, SMALL, LABELS, 99, warn=said.append)
        evaluation_pictures(photos, SMALL, LABELS, without=everything, warn=said.append)


def test_large_jpegs_are_decoded_as_classify_decodes_them(tmp_path):
    path = save(scene(800, 600), tmp_path / "photos" / "large.jpg", quality=95)
    calibration = calibration_pictures(path.parent, SMALL, LABELS, 1, warn=pytest.fail)
    np.testing.assert_array_equal(calibration.pixels[0], prepare(path, SMALL))
    assert (prepare(path, SMALL) != prepare(path, SMALL, exact=True)).any()


def test_a_split_folder_calibrates_with_its_training_pictures_whatever_their_classes(photos):
    photos.rename(photos.parent / "train")
    save(plain(RED), photos.parent / "val" / "cat" / "a.png")
    calibration = calibration_pictures(photos.parent, SMALL, LABELS, 99, warn=pytest.fail)
    assert (len(calibration), calibration.labels.sum()) == (20, 10)
    assert calibration_pictures(photos.parent, SMALL, ("bus", "car"), 99, warn=pytest.fail).labels is None
    assert len(evaluation_pictures(photos.parent, SMALL, LABELS, without=calibration, warn=pytest.fail)) == 1


def test_what_the_run_learned_from_is_left_out(photos, tmp_path):
    write_split(tmp_path, load_data(str(photos), size=8).split)
    said = []
    evaluation = evaluation_pictures(photos, SMALL, LABELS, without=None, run=tmp_path, warn=said.append)
    assert len(evaluation) == 4
    assert said == [f"16 of 20 pictures of photos are left out: {tmp_path} was trained on them."]


def test_unreadable_evaluation_pictures_are_called_what_they_are(photos):
    (photos / "cat" / "broken.png").write_bytes(b"no picture")
    said = []
    assert len(evaluation_pictures(photos, SMALL, LABELS, without=None, warn=said.append)) == 20
    assert "1 of 21 pictures cannot be read and are left out: broken.png" in said[0]
    (photos / "dog" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="2 of the 22 pictures in photos cannot be read, more than 5 %"):
        evaluation_pictures(photos, SMALL, LABELS, without=None, warn=said.append)
