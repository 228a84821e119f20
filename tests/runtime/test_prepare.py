import io

import numpy as np
import pytest
from edgecnn_runtime import Classifier, ImageError, Preprocess, prepare
from PIL import Image
from support.models import packed
from support.pictures import encoded, scene

PREPROCESS = Preprocess(32, 32, resize_to=36, kernel="bicubic")


def test_the_classifier_prepares_the_same_pixels():
    data = encoded(scene(1600, 1200), "JPEG", quality=95)
    for exact in (False, True):
        classifier = Classifier(packed(), device="cpu", exact=exact)
        assert np.array_equal(classifier.prepare(data), prepare(data, classifier.model.preprocess, exact=exact))


def test_every_kind_of_source_gives_the_same_pixels(tmp_path):
    image = scene(90, 70)
    path = tmp_path / "picture.png"
    image.save(path)
    expected = PREPROCESS.apply(image)
    for source in (path, str(path), path.read_bytes(), image, np.asarray(image), path.open("rb")):
        pixels = prepare(source, PREPROCESS)
        assert (pixels.dtype, pixels.shape) == (np.uint8, (32, 32, 3))
        assert np.array_equal(pixels, expected)


def test_exact_decodes_in_full():
    data = encoded(scene(1600, 1200), "JPEG", quality=95)
    exact = prepare(data, PREPROCESS, exact=True)
    assert np.array_equal(exact, PREPROCESS.apply(Image.open(io.BytesIO(data))))
    difference = np.abs(prepare(data, PREPROCESS).astype(int) - exact.astype(int))
    assert 0 < difference.mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(803, 611), (801, 1203)])
def test_a_fraction_of_an_odd_size_is_not_shifted(size, orientation):
    # The last row and column of a fraction are partly empty; which side that is depends on the orientation.
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(*size), "JPEG", quality=95, subsampling=0, exif=exif)
    difference = np.abs(prepare(data, PREPROCESS) - prepare(data, PREPROCESS, exact=True).astype(int))
    assert difference.mean() < 0.7
    assert np.percentile(difference, 98) <= 6


def test_what_is_no_picture_says_so(tmp_path):
    with pytest.raises(ImageError, match=r"absent\.jpg cannot be read"):
        prepare(tmp_path / "absent.jpg", PREPROCESS)
