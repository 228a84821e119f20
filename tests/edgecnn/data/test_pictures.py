import os

import pytest
from edgecnn_runtime import OptionError
from support.pictures import RED, plain, save

from edgecnn.data.pictures import find_pictures, pictures_in


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "sub/c.webp", ".hidden.jpg", ".cache/d.jpg", "sub/e[1].png"):
        save(plain(RED), tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    return tmp_path


def test_a_folder_gives_its_pictures_in_order_without_hidden_ones_and_pipes(folder):
    names = [str(path.relative_to(folder)) for path in pictures_in(folder)]
    assert names == ["a.PNG", "b.jpg", "sub/c.webp", "sub/e[1].png"]
    assert find_pictures([str(folder)]).names == tuple(str(folder / name) for name in names)


def test_files_stay_as_they_are_even_when_they_do_not_exist(folder):
    named = ("-", "absent.jpg", str(folder / "notes.txt"))
    assert find_pictures(named).names == named
    assert find_pictures(["x" * 5000]).names == ("x" * 5000,)


def test_globs_are_expanded_but_a_name_that_exists_is_itself(folder):
    assert find_pictures([f"{folder}/*.[jP]*"]).names == (f"{folder}/a.PNG", f"{folder}/b.jpg")
    assert find_pictures([f"{folder}/s*"]).names == (f"{folder}/sub/c.webp", f"{folder}/sub/e[1].png")
    assert find_pictures([f"{folder}/**/*.webp"]).names == (f"{folder}/sub/c.webp",)
    assert find_pictures([f"{folder}/sub/e[1].png"]).names == (f"{folder}/sub/e[1].png",)


def test_nothing_found_is_an_error(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=r"the folder .*empty holds no pictures; expected files such as \.jpg"):
        find_pictures([str(tmp_path / "empty")])
    with pytest.raises(OptionError, match=r"nothing matches .*\.gif; expected the name of a picture"):
        find_pictures([f"{folder}/*.gif"])
