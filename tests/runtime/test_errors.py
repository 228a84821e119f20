import pickle

import pytest
from edgecnn_runtime import (
    Classifier,
    DataError,
    EdgecnnError,
    ImageError,
    MissingPackageError,
    ModelFileError,
    SourceError,
    load_image,
)
from edgecnn_runtime.errors import quoted
from support.models import card_of, packed, with_card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Grün & 猫 👩‍🌾", "Grün & 猫 👩‍🌾"),
        ("\x1b[2Jred\x1b[0m", r"\x1b[2Jred\x1b[0m"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\u2066\u200f\ufeff", r"\u2066\u200f\ufeff"),
        ("\udcff.jpg", r"\udcff.jpg"),
        ("\0", r"\x00"),
        (17, "17"),
    ],
)
def test_text_from_outside_becomes_fit_for_one_line(text, expected):
    assert quoted(text) == expected


def test_long_text_loses_its_middle():
    text = "start " + "x" * 3_000_000 + " end"
    assert len(quoted(text)) == 200
    assert quoted(text).startswith("start xxx")
    assert quoted(text).endswith("xxx end")
    assert "…" in quoted(text)
    assert len(quoted("\x1b" * 1000)) == 200
    assert quoted("x" * 200) == "x" * 200


@pytest.mark.parametrize("kind", [EdgecnnError, ImageError, DataError, SourceError, ModelFileError])
def test_every_error_is_one_short_line(kind):
    error = kind("first\nsecond \x1b[31m" + "y" * 3_000_000 + "; expected another.")
    assert len(str(error)) == 600
    assert str(error).startswith(r"first\nsecond \x1b[31myyy")
    assert str(error).endswith("yyy; expected another.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_missing_package_is_pickled_whole():
    error = pickle.loads(pickle.dumps(MissingPackageError("cv2", extra="live")))
    assert str(error) == 'cv2 is not installed; type: pip install "edgecnn[live]"'


def test_a_format_of_three_megabytes_does_not_fill_the_terminal():
    data = packed()
    with pytest.raises(ModelFileError) as caught:
        Classifier(with_card(data, card_of(data) | {"format": "f" * 3_000_000}))
    assert len(str(caught.value)) <= 600


def test_a_name_that_steers_the_terminal_is_escaped(tmp_path):
    path = tmp_path / "\x1b]0;title\x07\u202egpj.exe"
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError) as caught:
        load_image(path)
    assert r"\x1b]0;title\x07\u202egpj.exe is not a picture" in str(caught.value)


def test_a_result_keeps_the_name_as_it_is(tmp_path):
    path = tmp_path / "two\nlines.png"
    path.write_bytes(b"no picture")
    (failure,) = Classifier(packed(), device="cpu").stream([path], errors="yield")
    assert failure.source == str(path)
    assert "\n" not in str(failure.error)
