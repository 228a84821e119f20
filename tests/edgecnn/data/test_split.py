import shutil

import numpy as np
import pytest
from edgecnn_runtime import DataError
from support.pictures import save, scene

from edgecnn.data import load_data
from edgecnn.data.read import read_labeled
from edgecnn.data.split import read_split, without_training, write_split


@pytest.fixture
def folder(tmp_path):
    for number in range(20):
        save(scene(30, 20, seed=number), tmp_path / "photos" / "ab"[number % 2] / f"{number}, ü.png")
    return tmp_path / "photos"


def test_what_a_run_learned_from_is_known_by_content_under_any_name(folder, tmp_path):
    data = load_data(str(folder), size=8)
    write_split(tmp_path, data.split)
    assert read_split(tmp_path) == data.split
    copy = tmp_path / "copy"
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        (copy / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy / path.parent.name / f"renamed{number}.png")
    save(scene(30, 20, seed=99), copy / "a" / "new.png")
    kept = without_training(read_labeled(copy).held_out(), read_split(tmp_path))
    assert len(kept) == len(data.test.labels) + 1
    assert "a/new.png" in kept.names


def test_arrays_are_known_by_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "set.npz", x=pixels, y=np.arange(20) % 2)
    data = load_data(str(tmp_path / "set.npz"))
    kept = without_training(read_labeled(tmp_path / "set.npz").held_out(), data.split)
    np.testing.assert_array_equal(np.asarray(kept.sources), data.test.batch(np.arange(4)))


def test_a_run_of_an_earlier_version_is_known_by_names(folder, tmp_path):
    (tmp_path / "split.csv").write_text('split,file\ntrain,"a/0, ü.png"\ntest,"b/1, ü.png"\n', encoding="utf-8")
    kept = without_training(read_labeled(folder).held_out(), read_split(tmp_path))
    assert len(kept) == 19 and "a/0, ü.png" not in kept.names


def test_wrong_records_are_named(folder, tmp_path):
    assert read_split(tmp_path) == ()
    with pytest.raises(DataError, match="is no folder; expected that of a run"):
        read_split(tmp_path / "nowhere")
    (tmp_path / "split.csv").write_text("a,b\n")
    with pytest.raises(DataError, match="is no table of split, file, content"):
        read_split(tmp_path)
    every = load_data(str(folder), size=8).split
    pictures = read_labeled(folder).held_out()
    trained = pictures.take(np.array([i for i, entry in enumerate(every) if entry.side == "train"]))
    with pytest.raises(DataError, match="was trained on every picture of photos; none is left"):
        without_training(trained, every)
