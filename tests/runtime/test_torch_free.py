import pytest
from support.command import python
from support.pictures import plain

HEAVY = ("torch", "torchvision", "onnx", "onnxscript", "typer", "rich", "edgecnn", "edgecnn_export", "cv2")


def test_using_the_whole_runtime_imports_nothing_heavy(sample_images):
    program = f"""
import sys
from edgecnn_runtime import Classifier, verify
classifier = Classifier(device="cpu")
picture = {str(sample_images / "school_bus.jpg")!r}
assert classifier(picture).label == "school bus"
assert len(list(classifier.stream([picture] * 3))) == 3
classifier.class_activation_map(classifier.prepare(picture))
assert verify(device="cpu").passed
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = python("-c", program)
    assert done.code == 0, done
    assert done.out.strip() == "[]"


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "JPEG2000", "GIF", "BMP"])
def test_every_format_opens_in_a_fresh_process(kind, tmp_path):
    # In this one other tests have loaded Pillow's plugins long ago.
    path = tmp_path / "picture"
    plain((20, 100, 200)).save(path, kind)
    program = f"from edgecnn_runtime import load_image; print(load_image({str(path)!r}).size)"
    done = python("-c", program)
    assert done.code == 0, done
    assert done.out.strip() == "(48, 40)"
