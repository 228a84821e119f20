import io
from collections import Counter

import numpy as np
import pytest
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.preprocess import Preprocess
from PIL import Image

from edgecnn.data import LazyPictures, load, load_data

COLORS = {"blue": (20, 40, 200), "red": (200, 30, 30)}


def paint(path, color, mode="RGB", size=(40, 30), seed=0):
    random = np.random.default_rng(seed)
    noise = random.integers(0, 40, (size[1], size[0], 3))
    picture = Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)).convert(mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def make(root, count=25):
    for name, color in COLORS.items():
        for number in range(count):
            paint(root / name / f"{number:02}.png", color, seed=number + 1000 * len(name))
    return root


def test_splits_class_folders_and_records_each_file(tmp_path):
    data = load_data(str(make(tmp_path)), size=16, test_share=0.2)
    assert data.labels == ("blue", "red")
    assert np.bincount(data.test.labels).tolist() == [5, 5]
    assert len(data.split) == 50
    assert Counter(entry.side for entry in data.split) == {"train": 40, "test": 10}
    assert data.split[0].name == "blue/00.png"
    assert load_data(str(tmp_path), size=16, test_share=0.2).split == data.split
    assert data.warnings == ()


def test_pixels_are_those_the_runtime_makes(tmp_path):
    make(tmp_path)
    data = load_data(str(tmp_path), size=16)
    first = next(entry.name for entry in data.split if entry.side == "train")
    expected = Preprocess(height=16, width=16).apply(Image.open(tmp_path / first))
    np.testing.assert_array_equal(data.train.batch(np.array([0]))[0], expected)


def test_keeps_a_split_that_is_there(tmp_path):
    make(tmp_path / "train")
    make(tmp_path / "val", count=3)
    data = load_data(str(tmp_path), size=16)
    assert (len(data.train.labels), len(data.test.labels), data.split) == (50, 6, ())
    assert any("6 of 6 test pictures also stand in the training split" in sentence for sentence in data.warnings)
    paint(tmp_path / "val" / "green" / "0.png", (0, 200, 0))
    with pytest.raises(
        DataError, match=r"'green' in .* is no class of the training split; expected classes named blue, red"
    ):
        load_data(str(tmp_path), size=16)


def test_takes_gray_alpha_palette_and_huge_pictures_together(tmp_path):
    make(tmp_path)
    paint(tmp_path / "red" / "gray.png", (90, 90, 90), "L")
    paint(tmp_path / "red" / "alpha.png", (200, 0, 0), "RGBA")
    paint(tmp_path / "red" / "palette.png", (200, 0, 0), "P")
    paint(tmp_path / "red" / "huge.jpg", (200, 0, 0), size=(400, 300))
    data = load_data(str(tmp_path), size=16)
    assert len(data.train.labels) + len(data.test.labels) == 54
    assert data.train.shape == (16, 16, 3)


def test_names_and_skips_unreadable_pictures_up_to_a_twentieth(tmp_path):
    make(tmp_path)
    (tmp_path / "red" / "broken.jpg").write_bytes(b"no picture")
    data = load_data(str(tmp_path), size=16)
    assert len(data.split) == 50
    assert "1 of 51 pictures cannot be read and are left out" in data.warnings[0] and "broken.jpg" in data.warnings[0]
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "png")
    for number in range(4):
        (tmp_path / "blue" / f"cut{number}.png").write_bytes(buffer.getvalue()[:40])
    with pytest.raises(DataError, match=r"5 of the 55 pictures in .* cannot be read, more than 5 %; the first: .*cut0"):
        load_data(str(tmp_path), size=16)


def test_streams_what_does_not_fit_into_memory(tmp_path, monkeypatch):
    make(tmp_path)
    kept = load_data(str(tmp_path), size=16)
    monkeypatch.setattr(load, "MEMORY_LIMIT", 1000)
    streamed = load_data(str(tmp_path), size=16)
    assert isinstance(streamed.train, LazyPictures)
    numbers = np.array([7, 0, 3])
    np.testing.assert_array_equal(streamed.train.batch(numbers), kept.train.batch(numbers))


def test_a_streamed_set_is_searched_for_broken_pictures_too(tmp_path, monkeypatch):
    make(tmp_path)
    (tmp_path / "blue" / "00.png").write_bytes(b"no picture")
    monkeypatch.setattr(load, "MEMORY_LIMIT", 1000)
    data = load_data(str(tmp_path), size=16)
    assert "1 of 50 pictures cannot be read and are left out" in data.warnings[0] and "00.png" in data.warnings[0]
    assert data.train.batch(np.arange(len(data.train.labels))).shape == (len(data.train.labels), 16, 16, 3)


def test_refuses_what_cannot_be_trained_on(tmp_path):
    with pytest.raises(DataError, match="holds no class folders"):
        load_data(str(tmp_path))
    make(tmp_path)
    (tmp_path / "green").mkdir()
    with pytest.raises(DataError, match="Class 'green' has no training picture"):
        load_data(str(tmp_path))
    paint(tmp_path / "green" / "0.png", (0, 200, 0))
    with pytest.raises(DataError, match=r"'green' has 1 readable picture\(s\)"):
        load_data(str(tmp_path), size=16)


def test_refuses_one_class(tmp_path):
    paint(tmp_path / "red" / "0.png", COLORS["red"])
    paint(tmp_path / "red" / "1.png", COLORS["red"])
    with pytest.raises(DataError, match=r"one class only \('red'\)"):
        load_data(str(tmp_path), size=16)
