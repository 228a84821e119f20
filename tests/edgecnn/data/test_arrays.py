import numpy as np
import pytest
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data import LazyPictures, load_data


def arrays(count=60, size=20, channels=3, classes=3):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, size, size, channels)).astype(np.uint8)
    return {"x_train": pixels, "y_train": np.arange(count) % classes}


def save(tmp_path, **values):
    path = tmp_path / "set.npz"
    np.savez(path, **values)
    return str(path)


def test_makes_a_stratified_split_that_follows_the_seed(tmp_path):
    path = save(tmp_path, **arrays())
    first, again, other = (load_data(path, seed=seed) for seed in (0, 0, 1))
    assert np.bincount(first.test.labels).tolist() == [4, 4, 4]
    assert first.split == again.split and first.fingerprint == again.fingerprint
    assert first.split != other.split


def test_keeps_the_split_names_and_pixels_of_the_file(tmp_path):
    values = arrays()
    path = save(
        tmp_path, **values, x_test=values["x_train"][:5] // 2, y_test=[0, 1, 2, 0, 1], class_names=["a", "b", "c"]
    )
    data = load_data(path)
    assert data.labels == ("a", "b", "c")
    assert data.split == ()
    np.testing.assert_array_equal(data.train.batch(np.array([3, 1])), values["x_train"][[3, 1]])
    assert data.preprocess.height == 20


def test_own_size_is_what_preprocess_gives_back():
    pixels = arrays()["x_train"][0]
    np.testing.assert_array_equal(Preprocess(height=20, width=20).apply(pixels), pixels)


def test_gray_pictures_keep_one_channel_and_columns_of_labels_are_taken(tmp_path):
    values = arrays(channels=1)
    data = load_data(save(tmp_path, x=values["x_train"][..., 0], y=values["y_train"][:, None]))
    assert data.channels == 1 and data.train.shape == (20, 20, 1)


def test_another_size_goes_through_the_runtimes_preprocessing(tmp_path):
    values = arrays(channels=1)
    data = load_data(save(tmp_path, **values), size=32)
    assert isinstance(data.train, LazyPictures)
    number = next(i for i in range(60) if data.split[i].side == "train")
    expected = Preprocess(height=32, width=32).apply(np.repeat(values["x_train"][number], 3, axis=2))
    np.testing.assert_array_equal(data.train.batch(np.array([0]))[0], expected)


def test_tells_duplicates_between_the_splits(tmp_path):
    values = arrays()
    data = load_data(save(tmp_path, **values, x_test=values["x_train"][:5], y_test=values["y_train"][:5]))
    assert any("5 of 5 test pictures also stand in the training split" in sentence for sentence in data.warnings)


def test_tells_classes_with_few_pictures(tmp_path):
    data = load_data(save(tmp_path, **arrays(count=30)))
    assert any("Fewer than 20 training pictures in '0' (8)" in sentence for sentence in data.warnings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"y_train": np.full(60, 7), "class_names": ["a", "b", "c"]},
            r"holds the label 7 at place 0 \(60 such\); expected 0 to 2",
        ),
        ({"y_train": np.arange(60) - 1}, "holds the label -1 at place 0"),
        ({"y_train": np.linspace(0, 1, 60)}, "holds float64; expected whole numbers"),
        ({"y_train": np.zeros(60, int)}, "one class only"),
        ({"y_train": np.arange(60) // 30 * 2}, "Class '1' has no training picture"),
        ({"y_train": np.arange(59)}, r"has the shape \(59,\); expected \(60,\)"),
        ({"x_train": np.zeros((60, 20, 20, 3))}, "holds float64; expected uint8"),
        ({"x_train": np.zeros((60, 20, 20, 4), np.uint8)}, r"expected \(N, height, width, 3\) RGB"),
        ({"x_test": np.zeros((5, 20, 20, 3), np.uint8)}, "has no 'y_test'; expected x_test and y_test"),
    ],
)
def test_says_what_is_wrong_with_arrays(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        load_data(save(tmp_path, **{**arrays(), **change}))


def test_refuses_pickles_and_damaged_files(tmp_path):
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, x_train=np.array([object()]), y_train=np.zeros(1))
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK\x03\x04 no")
    for path in (pickled, damaged):
        with pytest.raises(DataError, match=r"cannot be read as an \.npz of plain arrays"):
            load_data(str(path))


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1)], ids=["compression nobody knows", "encrypted"])
def test_an_archive_that_zipfile_refuses_is_one_sentence(tmp_path, place, value):
    path = tmp_path / "odd.npz"
    np.savez(path, x_train=np.zeros((2, 8, 8, 3), np.uint8), y_train=np.arange(2))
    archive = bytearray(path.read_bytes())
    for start, offset in ((b"PK\x03\x04", place), (b"PK\x01\x02", place + 2)):
        found = archive.find(start)
        while found >= 0:
            archive[found + offset] = value
            found = archive.find(start, found + 1)
    path.write_bytes(archive)
    with pytest.raises(DataError, match=r"cannot be read as an \.npz of plain arrays"):
        load_data(str(path))


def test_says_what_a_source_may_be(tmp_path):
    with pytest.raises(DataError, match="'nowhere' does not exist; expected cifar10, mnist"):
        load_data("nowhere")
    text = tmp_path / "a.txt"
    text.write_text("x")
    with pytest.raises(DataError, match=r"is neither a folder nor an \.npz file"):
        load_data(str(text))
