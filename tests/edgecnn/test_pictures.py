import os

import pytest
from edgecnn_runtime import OptionError
from support.pictures import RED, encoded, plain, save

from edgecnn.left_out import describe_left_out
from edgecnn.pictures import find_pictures, pictures_in


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "sub/c.webp", ".hidden.jpg", ".cache/d.jpg", "sub/e[1].png"):
        save(plain(RED), tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    return tmp_path


def test_a_folder_gives_its_pictures_in_order_without_hidden_ones_and_pipes(folder):
    names = [str(path.relative_to(folder)) for path in pictures_in(folder, [])]
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


def test_a_name_that_says_nothing_is_judged_by_the_first_bytes(tmp_path):
    contents = {
        "a.jfif": "JPEG",
        "b.jpe": "JPEG",
        "c": "PNG",
        "d.HEIC": "JPEG",
        "e.dat": "WEBP",
        "f.x": "TIFF",
        "g.y": "PPM",
    }
    for name, kind in contents.items():
        (tmp_path / name).write_bytes(encoded(plain(RED), kind))
    found = find_pictures([str(tmp_path)])
    assert found.names == tuple(str(tmp_path / name) for name in contents)
    assert found.left_out == ()


def test_what_is_left_out_is_counted_by_reason(tmp_path):
    save(plain(RED), tmp_path / "good.png")
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (tmp_path / "b.HEIC").write_bytes(b"\0\0\0\x18ftypmif1" + bytes(20))
    (tmp_path / "c.dng").write_bytes(encoded(plain(RED), "TIFF"))
    (tmp_path / "d.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    (tmp_path / "notes.txt").write_text("P1 is no picture")
    (tmp_path / "P").write_text("P")
    (tmp_path / "empty").touch()
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe")
    found = find_pictures([str(tmp_path)])
    assert found.names == (str(tmp_path / "good.png"),)
    assert describe_left_out(found.left_out) == (
        "HEIC pictures: 2 (a.heic, b.HEIC), JPEG XL pictures: 1 (d.jxl), camera raw files: 1 (c.dng), "
        "files that are no pictures: 3 (P, empty, notes.txt), "
        "pipes, devices and links to nowhere: 2 (lost.jpg, pipe)"
    )
    (tmp_path / "good.png").unlink()
    with pytest.raises(OptionError, match=r"holds no pictures; expected files such as .* \(left out: HEIC pictures: 2"):
        find_pictures([str(tmp_path)])


def test_linked_folders_are_read_once_and_circles_end(tmp_path):
    save(plain(RED), tmp_path / "here" / "sub" / "a.png")
    save(plain(RED), tmp_path / "elsewhere" / "b.png")
    for name in ("linked", "linked again"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "sub" / "up").symlink_to(tmp_path / "here")
    left_out = []
    found = [path.relative_to(tmp_path / "here").as_posix() for path in pictures_in(tmp_path / "here", left_out)]
    assert found == ["linked/b.png", "sub/a.png"]
    assert sorted(entry.path.name for entry in left_out) == ["linked again", "up"]
    assert {entry.reason for entry in left_out} == {"links to folders that are read already"}
