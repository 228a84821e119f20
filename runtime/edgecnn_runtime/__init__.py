"""edgecnn_runtime: model file and picture in, answer out; numpy, Pillow and ONNX Runtime only.

from edgecnn_runtime import Classifier

classifier = Classifier("model.onnx")
result = classifier("photo.jpg")
print(result.label, result.score, result.device)
"""

import os

# onnxruntime's wheels since 1.29 write a device id below the user's cache and send events unless this is set before
# they are loaded; what the user has set stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.devices import DeviceWarning
from edgecnn_runtime.errors import (
    DataError,
    DeviceError,
    EdgecnnError,
    ImageError,
    MissingPackageError,
    ModelFileError,
    OptionError,
    SourceError,
)
from edgecnn_runtime.image import load_image
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.prepare import prepare
from edgecnn_runtime.preprocess import Preprocess
from edgecnn_runtime.result import Failure, Prediction, Result, Timing
from edgecnn_runtime.verification import Verification, verify

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "DataError",
    "DeviceError",
    "DeviceWarning",
    "EdgecnnError",
    "Failure",
    "ImageError",
    "MissingPackageError",
    "ModelFile",
    "ModelFileError",
    "Normalization",
    "OptionError",
    "Prediction",
    "Preprocess",
    "Result",
    "SourceError",
    "Timing",
    "Verification",
    "load_image",
    "prepare",
    "verify",
]
