"""What the name of a model means."""

from pathlib import Path

import pytest
from edgecnn_runtime import ModelFileError, OptionError
from edgecnn_runtime.model_source import default_model_path

from edgecnn.zoo.resolve import resolve


def test_files_folders_and_sources_stand_for_themselves(tmp_path: Path):
    file = tmp_path / "mine.onnx"
    file.write_bytes(b"anything")
    assert resolve(file) == file
    assert resolve(str(tmp_path)) == str(tmp_path)
    for source in ("torchvision:resnet50", "timm:resnet50", "my.package:factory"):
        assert resolve(source) == source


def test_the_built_in_model_has_a_name():
    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    assert resolve("default") == default_model_path()


@pytest.mark.parametrize("name", ["MobileNetV2", "mobilenetv2", "torchvision:mobilenet_v2"])
def test_names_of_the_catalog_are_sources(name: str):
    assert resolve(name) == "torchvision:mobilenet_v2"
    assert resolve("EfficientNet-Lite0") == "efficientnet_lite0"


def test_what_is_unknown_gets_suggestions():
    with pytest.raises(OptionError, match=r"'mobilenet_v2' is unknown; .*; did you mean torchvision:mobilenet_v2"):
        resolve("mobilenet_v2")
    with pytest.raises(OptionError, match="'§' is unknown; expected efficientnet_lite0"):
        resolve("§")
    with pytest.raises(ModelFileError, match=r"there is no file 'missing\.onnx'"):
        resolve("missing.onnx")
