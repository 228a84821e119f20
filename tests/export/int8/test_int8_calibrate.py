import numpy as np
import pytest
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_runtime import load_image
from edgecnn_runtime.errors import DataError
from PIL import Image
from support.saturating import pictures


def _prepare(path):
    return np.asarray(load_image(path).resize((8, 8)))


def _write(folder, count):
    paths = []
    for i in range(count):
        paths.append(folder / f"{i}.png")
        Image.fromarray(pictures(1, size=16, seed=i)[0]).save(paths[-1])
    return paths


def test_unreadable_pictures_are_counted_and_named(tmp_path):
    paths = _write(tmp_path, 3)
    paths[1].write_bytes(b"no picture")
    found = PreparedPictures.from_files(paths, _prepare, source="folder", labels=[4, 5, 6])
    assert found.pixels.shape == (2, 8, 8, 3)
    assert found.labels.tolist() == [4, 6]
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith("1.png: ")
    assert any("1 pictures from folder could not be read" in w for w in found.warnings)


def test_no_pictures_say_what_to_give(tmp_path):
    with pytest.raises(DataError, match="empty holds no pictures; give --calibrate a folder"):
        PreparedPictures.from_files([], _prepare, source="empty")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="no calibration picture could be read from broken"):
        PreparedPictures.from_files([tmp_path / "a.png"], _prepare, source="broken")


def test_wrong_arrays_are_refused_with_their_shape():
    with pytest.raises(DataError, match=r"float64 \(2, 8, 8, 3\), expected uint8"):
        PreparedPictures(np.zeros((2, 8, 8, 3)), "array")
    with pytest.raises(DataError, match="3 labels came with 2 pictures"):
        PreparedPictures(np.zeros((2, 8, 8, 3), np.uint8), "array", labels=np.zeros(3, np.int64))


def test_few_pictures_and_one_class_are_warned_about():
    few = PreparedPictures(pictures(4), "few", labels=np.full(4, 7))
    assert "fewer than 32" in few.warnings[0]
    assert "all 4 calibration pictures from few are of class 7" in few.warnings[1]
    assert PreparedPictures(pictures(32), "many").warnings == ()


def test_take_spreads_over_the_set():
    found = PreparedPictures(pictures(10), "x", labels=np.arange(10)).take(4)
    assert found.labels.tolist() == [0, 3, 6, 9]
