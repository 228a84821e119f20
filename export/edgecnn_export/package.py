"""Write a model file: card and golden vectors into the graph's metadata, checked, then renamed into place.

`edgecnn_runtime.card` reads the card, the JSON document of a model file, and `docs/model-file.md` describes it.
"""

import contextlib
import datetime
import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
from edgecnn_runtime.card import CARD_KEY, FORMAT
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import EdgecnnError, ModelFileError, OptionError
from edgecnn_runtime.files import replace_atomically
from edgecnn_runtime.golden import GoldenVector, encode_golden, expand_grid
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.preprocess import Pixels, Preprocess

from edgecnn_export.pixel_graph import LOGITS, PIXELS, PixelGraph

__all__ = ["TOLERANCES", "build_card", "load_draft", "pack", "write_model_file"]

# Relative to the largest logit. fp32: other kernels sum in another order. int8: another rounding of a requantized
# value moves it by a whole step, which on an Arm Cortex-A72 grows to 3 % of a logit. `other`
# covers GPUs, which may compute in TF32 or fp16 by themselves.
TOLERANCES: dict[str, dict[str, float]] = {
    "fp32": {"cpu": 1e-3, "other": 2e-2},
    "fp16": {"cpu": 2e-2, "other": 3e-2},
    "int8": {"cpu": 5e-2, "other": 8e-2},
}

_GOLDEN_COUNT = 4
_GOLDEN_CELLS = 32  # a side at most; half the input's where that is small, so that a tiny file stays tiny
_PACKAGES = ("edgecnn-export", "torch", "onnx", "onnxruntime")


def build_card(graph: PixelGraph, *, precision: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    """The document without golden vectors, which are measured on the finished graph.

    Args:
        graph: What is written.
        precision: `kind` (`fp32`, `fp16`, `int8`) and how it was chosen.
        measured: Figures by the name of the check that gave them.
    """
    outputs: dict[str, Any] = {"logits": LOGITS}
    if graph.features is not None:
        outputs["features"] = asdict(graph.features)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {
        "format": FORMAT,
        "name": graph.name,
        "task": "classify",
        "labels": list(graph.labels),
        "licence": graph.license,
        "source": {**graph.source, "created": today, "versions": _versions()},
        "input": {
            "name": PIXELS,
            "height": graph.preprocess.height,
            "width": graph.preprocess.width,
            "dtype": "uint8",
            "layout": "NHWC",
            "colour": "RGB",
        },
        "preprocess": graph.preprocess.to_dict(),
        "outputs": outputs,
        "precision": precision,
        "measured": measured,
    }


def load_draft(model: onnx.ModelProto, card: Mapping[str, Any]) -> Classifier:
    """The file as it will be, but for its golden vectors, loaded by the runtime on the CPU.

    Raises:
        ModelFileError: The runtime refuses it.
    """
    return Classifier(ModelFile.load(_with_card(model, card)), device="cpu")


def pack(
    model: onnx.ModelProto, card: Mapping[str, Any], pictures: Sequence[Pixels], *, draft: Classifier | None = None
) -> bytes:
    """The finished file's bytes.

    Args:
        model: Graph with the input `pixels` and the output `logits`.
        card: The document without golden vectors.
        pictures: Prepared pixels, `(height, width, 3)` uint8; the first four become golden vectors.
        draft: The same graph, where `load_draft` has loaded it already.

    Raises:
        ModelFileError: The runtime refuses the result, or its answers are not finite.
    """
    if not pictures:
        raise OptionError("there are no pictures to make golden vectors from; expected at least one.")
    draft = draft or load_draft(model, card)
    vectors = [_golden_vector(draft, picture) for picture in pictures[:_GOLDEN_COUNT]]
    golden = {
        "sha256": draft.model.digest,
        "tolerance": TOLERANCES[card["precision"]["kind"]],
        "vectors": [encode_golden(vector) for vector in vectors],
    }
    data = _with_card(model, {**card, "golden": golden})
    if ModelFile.load(data).digest != draft.model.digest:
        raise ModelFileError("the graph changed while its metadata was added; nothing was written.")
    return data


def write_model_file(data: bytes, path: str | os.PathLike[str]) -> Path:
    """Put the finished bytes under their name; a failure leaves the file that was there before.

    Raises:
        OptionError: The folder does not exist, is not writable or is full.
    """
    target = Path(path)
    if target.is_dir():
        raise OptionError(
            f"{target} is a folder; expected the name of a file to write, such as {target / 'model.onnx'}."
        )
    try:
        replace_atomically(target, data)
    except OSError as error:
        raise EdgecnnError(f"{target} cannot be written: {error.strerror}; nothing was changed.") from error
    return target


def _with_card(model: onnx.ModelProto, card: Mapping[str, Any]) -> bytes:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.metadata_props[:]
    document = json.dumps(card, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    copy.metadata_props.add(key=CARD_KEY, value=document)
    copy.producer_name = "edgecnn"
    copy.ClearField("producer_version")
    return bytes(copy.SerializeToString(deterministic=True))


def _golden_vector(classifier: Classifier, picture: Pixels) -> GoldenVector:
    height, width = classifier.model.height, classifier.model.width
    rows, columns = (max(1, min(side // 2, _GOLDEN_CELLS)) for side in (height, width))
    coarse = Preprocess(rows, columns, "squash", kernel="box").apply(picture)
    logits = classifier.logits(expand_grid(coarse, height, width)[None])[0]
    return GoldenVector(coarse, logits)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
