from pathlib import Path

import pytest
from edgecnn_runtime.errors import DataError
from PIL import Image

from edgecnn.data.read import read_held_out, read_labeled


def place(root, *names):
    """Small pictures of these names below a folder."""
    for name in names:
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return root


CLASSES = ("cat/1.png", "cat/2.png", "dog/1.png")


@pytest.mark.parametrize("between", ["photos", "photos/animals"])
def test_a_folder_in_between_is_entered_and_noted(tmp_path, between):
    place(tmp_path / between, *CLASSES)
    data = read_labeled(tmp_path)
    assert data.training().class_names == ("cat", "dog") and data.training().names == CLASSES
    assert "holds one folder, photos/, whose folders are taken for the classes or splits" in data.notes[0]
    sentences = []
    read_held_out(tmp_path, ("cat", "dog"), run=None, warn=sentences.append)
    assert sentences == list(data.notes)


def test_splits_and_lists_are_found_behind_a_folder_too(tmp_path):
    place(tmp_path / "archive", "train/cat/1.png", "train/dog/1.png", "val/cat/1.png")
    assert list(read_labeled(tmp_path).splits) == ["train", "validation"]
    place(tmp_path / "listed" / "inner" / "images", "1.png")
    (tmp_path / "listed" / "inner" / "labels.csv").write_text("file,label\n1.png,0\n")
    assert read_labeled(tmp_path / "listed").training().names == ("1.png",)


def test_one_class_folder_stays_a_class(tmp_path):
    assert read_labeled(place(tmp_path, "cat/1.png")).training().class_names == ("cat",)
    data = read_labeled(place(tmp_path, "1.png", "cat/old/2.png"))
    assert data.training().class_names == ("cat",) and not data.notes


def test_a_link_back_ends(tmp_path):
    (tmp_path / "only").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_labeled(tmp_path).notes) == 4


def test_a_test_folder_without_classes_is_left_out(tmp_path):
    place(tmp_path, *(f"train/{name}" for name in CLASSES), "test1/1.png", "test1/2.png")
    data = read_labeled(tmp_path)
    assert list(data.splits) == ["all"] and len(data.training()) == 3
    assert "test1 holds no class folders, so that nothing can be measured with it: it is left out" in data.notes[0]
    place(tmp_path, "validation_set/cat/1.png")
    assert list(read_labeled(tmp_path).splits) == ["train", "validation"]


def test_splits_inside_the_class_folders_are_kept_apart(tmp_path):
    place(tmp_path, "cat/train/1.png", "cat/train/2.png", "cat/test/3.png", "dog/train/1.png", "dog/test/2.png")
    data = read_labeled(tmp_path)
    assert data.training().names == ("cat/train/1.png", "cat/train/2.png", "dog/train/1.png")
    assert data.held_out().names == ("cat/test/3.png", "dog/test/2.png")
    assert data.held_out().class_names == ("cat", "dog")
    place(tmp_path, "bird/1.png")
    assert list(read_labeled(tmp_path).splits) == ["all"]


@pytest.mark.parametrize("folder", [".", "train"])
def test_classes_in_the_names_of_files_are_recognized(tmp_path, folder):
    place(tmp_path / folder, "cat.1.jpg", "cat.2.jpg", "dog.11.jpg", "dog_12.jpg", "my bird (3).jpg")
    said = (
        r"5 pictures and no class folders; their names \(cat\.1\.jpg\) say the classes cat, dog, my bird: move each to"
    )
    with pytest.raises(DataError, match=rf"{said} the folder of its class \(mkdir .*cat && mv "):
        read_labeled(tmp_path).training()
    place(tmp_path / folder, "holiday.jpg")
    with pytest.raises(
        DataError, match="holds 6 pictures and no class folders; expected one folder of pictures for each"
    ):
        read_labeled(tmp_path).training()
