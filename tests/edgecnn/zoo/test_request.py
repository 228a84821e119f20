import pytest
from edgecnn_runtime import OptionError, Preprocess

from edgecnn.zoo import NetworkRequest, read_labels

IMAGENET = Preprocess(224, 224, "short-side", 256, "bicubic")


@pytest.mark.parametrize(
    ("request_", "default", "expected"),
    [
        (NetworkRequest(), IMAGENET, IMAGENET),
        (NetworkRequest(size=(112, 112)), IMAGENET, Preprocess(112, 112, "short-side", 128, "bicubic")),
        (NetworkRequest(size=(160, 120)), None, Preprocess(160, 120, "short-side", 160, "bilinear")),
        (NetworkRequest(resize="squash"), IMAGENET, Preprocess(224, 224, "squash", kernel="bicubic")),
        (NetworkRequest(resize_to=300, kernel="lanczos"), IMAGENET, Preprocess(224, 224, "short-side", 300, "lanczos")),
        (NetworkRequest(resize="letterbox", size=(9, 8)), None, Preprocess(9, 8, "letterbox")),
    ],
)
def test_what_is_asked_for_lies_over_what_the_source_says(request_, default, expected):
    assert request_.preprocess(default) == expected


def test_a_size_must_come_from_somewhere():
    with pytest.raises(OptionError, match="the size of the network's input is not known; give it with --size 224"):
        NetworkRequest().preprocess(None)


def test_labels_come_one_a_line(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("\ufeffred\n grün \n猫\n\n\n", encoding="utf-8")
    assert read_labels(path) == ("red", "grün", "猫")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; expected one class name a line"),
        (b"\n \n", "is empty"),
        (b"red\n\nblue\n", "has no name in line 2"),
        (b"\xff\xfe\x00", "no UTF-8 text"),
    ],
)
def test_wrong_labels_are_named(tmp_path, content, message):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(OptionError, match=message):
        read_labels(tmp_path / "labels.txt")
    with pytest.raises(OptionError, match=r"absent\.txt cannot be read: No such file or directory"):
        read_labels(tmp_path / "absent.txt")
