import numpy as np
import pytest
from edgecnn_runtime import DataError
from support.pictures import GREEN, RED, plain, save

from edgecnn.data.read import read_labeled as read_data

NAMES = ("red", "green", "blue")


def read_labeled(path, names):
    return read_data(path).held_out().with_classes(names)


@pytest.fixture
def listed(tmp_path):
    save(plain(RED), tmp_path / "images" / "one.png")
    save(plain(GREEN), tmp_path / "images" / "deep" / "two.png")
    (tmp_path / "labels.csv").write_text("\ufefffile,label,author\none.png,0,Jean\ndeep/two.png,1,Ödön\n")
    return tmp_path


def test_a_list_of_files(listed):
    data = read_labeled(listed, NAMES)
    assert len(data) == 2
    assert data.names == ("one.png", "deep/two.png")
    assert data.labels.tolist() == [0, 1]
    assert [path.is_file() for path in data.sources] == [True, True]


@pytest.mark.parametrize("inside", ["", "test", "val"])
def test_class_folders_are_matched_by_name(tmp_path, inside):
    save(plain(RED), tmp_path / inside / "red" / "a.png")
    save(plain(GREEN), tmp_path / inside / "green" / "b.png")
    data = read_labeled(tmp_path, NAMES)
    assert data.labels.tolist() == [1, 0]
    assert data.names == ("green/b.png", "red/a.png")


def test_an_npz_of_color_or_gray_pictures(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x_test=np.zeros((3, 8, 9, 3), np.uint8), y_test=np.array([0, 1, 2]))
    assert read_labeled(path, NAMES).image(0).shape == (8, 9, 3)
    np.savez(path, x_test=np.full((2, 8, 9), 7, np.uint8), y_test=np.array([0, 1], np.uint8))
    data = read_labeled(path, NAMES)
    assert data.image(1).shape == (8, 9, 3)
    assert data.names == ("x_test[0]", "x_test[1]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,0\n", "has no column 'file'; expected file and label"),
        ("file,label\none.png,red\n", "line 2 has the label 'red'; expected an index"),
        ("file,label\none.png,--5\n", "line 2 has the label '--5'"),
        ("file,label\none.png\n", "line 2 has the label None"),
        ("file,label\none.png,99999999999999999999\n", "expected an index"),
        ("file,label\n../../etc/passwd,0\n", "line 2 names '../../etc/passwd', outside images/"),
        ("file,label\n/etc/passwd,0\n", "outside images/"),
        ("file,label\n", "holds no labeled pictures"),
        ("", "has no column 'file'"),
        ("file,label\none.png,3\n", "has labels from 3 to 3; the 3 classes of the model go from 0 to 2"),
        ("file,label\none.png,-1\n", "has labels from -1 to -1"),
        (b"file,label\n\xff\xfe,0\n", "cannot be read as a table in UTF-8"),
        ("file,label\n" + "x" * 200_000 + ",0\n", "cannot be read as a table"),
    ],
)
def test_wrong_lists_are_named(listed, text, message):
    (listed / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        read_labeled(listed, NAMES)


def test_an_unknown_class_folder_is_an_error(tmp_path):
    save(plain(RED), tmp_path / "purple" / "a.png")
    with pytest.raises(
        DataError, match="'purple' in .* is no class of the model; expected classes named red, green, blue"
    ):
        read_labeled(tmp_path, NAMES)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_test": np.zeros((1, 4, 4, 3), np.uint8)}, "has no 'y_test'; expected x_test and y_test"),
        ({"x_test": np.zeros((1, 4, 4, 3)), "y_test": np.zeros(1, int)}, "x_test of set holds float64; expected uint8"),
        (
            {"x_test": np.zeros((1, 4, 4, 4), np.uint8), "y_test": np.zeros(1, int)},
            r"x_test of set has the shape \(1, 4, 4, 4\)",
        ),
        (
            {"x_test": np.zeros((2, 4, 4, 3), np.uint8), "y_test": np.zeros(1, int)},
            r"expected \(2,\), one label for each picture",
        ),
        (
            {"x_test": np.zeros((1, 4, 4, 3), np.uint8), "y_test": np.zeros(1)},
            "y_test of set holds float64; expected whole numbers",
        ),
        ({"x_test": np.array([{}]), "y_test": np.zeros(1, int)}, "cannot be read as an .npz of plain arrays"),
    ],
)
def test_wrong_archives_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_labeled(tmp_path / "set.npz", NAMES)


def test_what_is_no_archive_is_named(tmp_path):
    path = tmp_path / "set.npz"
    for content in (b"", b"text", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read as an \.npz"):
            read_labeled(path, NAMES)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"is no \.npz archive"):
        read_labeled(path, NAMES)
    with pytest.raises(DataError, match="does not exist; expected a folder with"):
        read_labeled(tmp_path / "absent", NAMES)
