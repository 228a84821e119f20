"""The JSON document inside a model file: reading it, and saying exactly what is wrong with one that does not fit.

`docs/model-file.md` describes it field by field.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgecnn_runtime.errors import ModelFileError, OptionError, quoted
from edgecnn_runtime.json_text import read_json
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["CARD_KEY", "FORMAT", "Card", "FeatureOutput", "check_labels", "parse_card", "read_preprocess"]

CARD_KEY = "edgecnn"
FORMAT = 1
_MAX_CLASSES = 1_000_000


@dataclass(frozen=True)
class FeatureOutput:
    """Where the last feature map and the weights of the linear layer behind it are found.

    Attributes:
        name: Output `(N, channels, h, w)` float32.
        weights: Tensor of the linear layer, `(classes, channels)` float32, or transposed.
        transposed: The tensor is `(channels, classes)`.
    """

    name: str
    weights: str
    transposed: bool


@dataclass(frozen=True, eq=False)
class Card:
    """What a model file says about itself, or what a caller says about a plain `.onnx`.

    Attributes:
        name: Short name of the network.
        labels: Class names in the order of the logits.
        preprocess: From an upright RGB picture to pixels; its height and width are the input's.
        input_name: Name of the graph's input.
        logits: Name of the output with one score a class.
        features: The last feature map, where the network ends in global average pooling and one linear layer.
        license: License of the weights, as an SPDX expression or a sentence.
        source: Where the weights came from: source, versions, date.
        precision: `kind` (`fp32`, `fp16`, `int8`) and how it was chosen.
        measured: Accuracy, agreement and latency that were measured when the file was made.
        golden: Golden vectors as they stand in the file; `edgecnn_runtime.verification` runs them.
        document: The JSON object as it stands in the file; empty for a file that edgecnn did not write.
    """

    name: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    input_name: str
    logits: str
    features: FeatureOutput | None = None
    license: str = "unknown"
    source: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=lambda: {"kind": "unknown"})
    measured: dict[str, Any] = field(default_factory=dict)
    golden: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)


def parse_card(text: str) -> Card:
    """Parse and validate the document.

    Raises:
        ModelFileError: Not JSON, of a newer format, or with a field missing or out of range.
    """
    document = _load(text)
    preprocess = read_preprocess(_read(document, "preprocess", dict))
    size = (_read(document, "input.height", int), _read(document, "input.width", int))
    if (preprocess.height, preprocess.width) != size:
        raise ModelFileError(
            f"the model file's preprocess gives {preprocess.height}×{preprocess.width} pixels, "
            f"its input takes {size[0]}×{size[1]}; export the model again."
        )
    optional = {
        name: _read(document, name, dict) for name in ("source", "precision", "measured", "golden") if name in document
    }
    return Card(
        name=_read(document, "name", str),
        labels=check_labels(_read(document, "labels", list)),
        preprocess=preprocess,
        input_name=_read(document, "input.name", str),
        logits=_read(document, "outputs.logits", str),
        features=_read_features(document),
        license=_read(document, "licence", str),
        document=document,
        **optional,
    )


def check_labels(labels: Any, complain: Callable[[str], Exception] = ModelFileError) -> tuple[str, ...]:
    """Labels as a tuple of texts, one a class, in the order of the logits.

    Args:
        labels: What should be a list of names.
        complain: Makes the error of a sentence.
    """
    if not isinstance(labels, (list, tuple)) or not 1 <= len(labels) <= _MAX_CLASSES:
        raise complain(f"labels are {str(labels)[:60]!r}; expected a list of 1 to {_MAX_CLASSES} names.")
    for index, label in enumerate(labels):
        if not isinstance(label, str) or not label.strip():
            raise complain(f"label {index} is {quoted(repr(label), 80)}; expected a name.")
        if any("\ud800" <= letter <= "\udfff" for letter in label):
            raise complain(f"label {index} is {quoted(repr(label), 80)}; expected text that can be written as UTF-8.")
    return tuple(labels)


def read_preprocess(document: dict[str, Any]) -> Preprocess:
    """The `preprocess` object of a card.

    Raises:
        ModelFileError: A field is missing, unknown or out of range.
    """
    try:
        return Preprocess.from_dict(document)
    except OptionError as error:
        raise ModelFileError(f"the model file's preprocess does not fit: {error}") from error


def _load(text: str) -> dict[str, Any]:
    """The JSON object, of a format and a task that this reader knows."""
    document = read_json(text, "the model file's metadata", _export_again)
    found = document.get("format")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ModelFileError(f"the model file's format is {quoted(repr(found), 80)}; expected {FORMAT}.")
    if found > FORMAT:
        raise ModelFileError(
            f"the model file has format {quoted(found, 80)}, this edgecnn reads format {FORMAT}; "
            "upgrade: pip install -U edgecnn-runtime"
        )
    if document.get("task") != "classify":
        raise ModelFileError(f"the model file's task is {quoted(repr(document.get('task')), 80)}; expected 'classify'.")
    return document


def _export_again(sentence: str) -> ModelFileError:
    return ModelFileError(f"{sentence.removesuffix('.')}; export the model again.")


def _read(document: dict[str, Any], path: str, kind: type) -> Any:
    """The value at a dotted path, of the expected type."""
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise ModelFileError(f"the model file's metadata has no {path!r}; export the model again.")
        value = value[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelFileError(f"the model file's {path!r} is {str(value)[:60]!r}; expected {kind.__name__}.")
    return value


def _read_features(document: dict[str, Any]) -> FeatureOutput | None:
    entry = _read(document, "outputs", dict).get("features")
    if not entry:
        return None
    name, weights = (_read(document, f"outputs.features.{key}", str) for key in ("name", "weights"))
    return FeatureOutput(name, weights, bool(entry.get("transposed", False)))
