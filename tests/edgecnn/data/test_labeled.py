import unicodedata
import zipfile

import numpy as np
import pytest
from edgecnn_runtime import DataError
from support.pictures import GREEN, RED, plain, save

from edgecnn.data import load_data, npz
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
        ("file,label\na\0.png,0\n", r"line 2 names 'a\\x00.png'; expected a file name without NUL bytes"),
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
        DataError, match=r"'purple' in .* is no class of the model; expected classes named red, green, blue"
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


@pytest.mark.parametrize(("learn", "measure"), [("train", "validation"), ("Training", "VALID"), ("train", "test")])
def test_a_folder_that_trains_is_evaluated_on_what_it_holds_out(tmp_path, learn, measure):
    for split in (learn, measure):
        for name, color in (("red", RED), ("green", GREEN)):
            for number in range(2):
                save(plain(color), tmp_path / split / name / f"{split}{number}.png")
    assert len(load_data(str(tmp_path), size=8).test.labels) == 4
    data = read_labeled(tmp_path, NAMES)
    assert data.labels.tolist() == [1, 1, 0, 0]
    assert data.names[0] == f"green/{measure}0.png"


def test_names_of_splits_are_classes_where_other_classes_stand_beside_them(tmp_path):
    for name in ("bus", "car", "train"):
        save(plain(RED), tmp_path / name / "a.png")
    assert read_labeled(tmp_path, ("car", "bus", "train")).labels.tolist() == [1, 0, 2]


def test_the_test_split_comes_before_the_validation_split_and_a_split_has_one_folder(tmp_path):
    for split in ("train", "val", "test"):
        save(plain(RED), tmp_path / split / "red" / f"{split}.png")
    assert read_labeled(tmp_path, NAMES).names == ("red/test.png",)
    save(plain(RED), tmp_path / "validation" / "red" / "a.png")
    with pytest.raises(DataError, match="two validation splits, val/ and validation/; expected one"):
        read_labeled(tmp_path, NAMES)


def test_class_folders_match_however_the_file_system_writes_their_umlauts(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Grün") for form in ("NFC", "NFD"))
    save(plain(GREEN), tmp_path / decomposed / "a.png")
    save(plain(RED), tmp_path / "red" / "a.png")
    for labels in ((composed, "red"), (decomposed, "red")):
        assert read_labeled(tmp_path, labels).labels.tolist() == [0, 1]


def test_an_archive_suffix_in_capitals_and_names_of_classes_are_taken(tmp_path):
    with (tmp_path / "SET.NPZ").open("wb") as file:
        np.savez(file, x=np.zeros((2, 8, 8), np.uint8), y=np.array([0, 1]), class_names=["green", "red"])
    assert read_labeled(tmp_path / "SET.NPZ", NAMES).labels.tolist() == [1, 0]


def test_pictures_beside_the_class_folders_and_other_files_are_counted(tmp_path):
    for name, color in (("red", RED), ("green", GREEN)):
        for number in range(25):
            save(plain(color), tmp_path / name / f"{number}.png")
    save(plain(RED), tmp_path / "forgotten.jpg")
    (tmp_path / "red" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (tmp_path / "README.md").write_text("about")
    sentence = (
        f"Left out of {tmp_path.name}: HEIC pictures: 1 (phone.heic), "
        "pictures beside the class folders: 1 (forgotten.jpg)."
    )
    assert load_data(str(tmp_path), size=8).warnings[0] == sentence


def write_member(path, name, header, data=b"", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive, archive.open(name, "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": header})
        file.write(data)


def test_an_archive_that_promises_more_than_it_holds_is_refused_unread(tmp_path):
    path = tmp_path / "huge.npz"
    write_member(path, "x.npy", (900_000_000, 32, 32, 3))
    with zipfile.ZipFile(path, "a") as archive, archive.open("y.npy", "w") as file:
        np.save(file, np.zeros(4, int))
    with pytest.raises(DataError, match=r"x in .* promises 2764800000000 bytes and holds 0; the file is damaged"):
        read_labeled(path, NAMES)


def test_an_archive_made_to_fill_the_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "_UNSUSPICIOUS_BYTES", 1 << 20)
    path = tmp_path / "bomb.npz"
    write_member(path, "x.npy", (2, 1024, 1024, 1), bytes(2 << 20), zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "a") as archive, archive.open("y.npy", "w") as file:
        np.save(file, np.zeros(2, int))
    with pytest.raises(DataError, match=r"would unpack from \d+ to 2097152 bytes, which pictures do not"):
        read_labeled(path, NAMES)
