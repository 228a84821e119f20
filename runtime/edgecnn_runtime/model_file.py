"""The model file: one `.onnx` with everything in it that the right answer needs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edgecnn_runtime.card import CARD_KEY, check_labels, parse_card, read_field, read_preprocess
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.onnx_file import OnnxFile, TensorInfo, graph_digest, read_onnx
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["FeatureOutput", "ModelFile", "default_model_path"]

_UINT8, _FLOAT32 = 2, 1
_LOGIT_TYPES = (0, 1, 10, 11)  # undeclared, float32, float16, float64
_MAX_FILE_BYTES = (2 << 30) - 1  # protobuf's own limit


@dataclass(frozen=True)
class FeatureOutput:
    """Where the last feature map and the weights of the linear layer behind it are found.

    Attributes:
        name: output `(N, channels, h, w)` float32.
        weights: tensor of the linear layer, `(classes, channels)` float32, or transposed.
        transposed: the tensor is `(channels, classes)`.
    """

    name: str
    weights: str
    transposed: bool


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A validated model file.

    Attributes:
        data: the file's bytes.
        name: short name of the network.
        labels: class names in the order of the logits.
        preprocess: from an upright RGB picture to pixels.
        normalization: None for edgecnn's own files, whose graph takes uint8 pixels; for a foreign float file what
            turns pixels into its input.
        card: the whole JSON document; empty for a foreign file.
        graph: what the ONNX graph declares.
    """

    data: bytes
    name: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    normalization: Normalization | None
    card: dict[str, Any]
    graph: OnnxFile

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | bytes,
        *,
        labels: Sequence[str] | None = None,
        preprocess: Preprocess | None = None,
        normalization: Normalization | None = None,
    ) -> "ModelFile":
        """Read and check a model file.

        Args:
            source: path, or the file's bytes.
            labels: for a plain `.onnx` that edgecnn did not write: its class names in the order of its output.
            preprocess: likewise: from a picture to pixels.
            normalization: likewise, where its input is float: from pixels to its input.

        Raises:
            ModelFileError: missing, damaged, unsafe, of a newer format, or something the answer needs is not there.
        """
        data, name = _read(source)
        try:
            graph = read_onnx(data)
            if CARD_KEY in graph.metadata:
                given = {"labels": labels, "preprocess": preprocess, "normalization": normalization}
                model = cls._own(data, graph, [key for key, value in given.items() if value is not None])
            else:
                model = cls._foreign(data, name, graph, labels, preprocess, normalization)
            model._check_interface()
        except ModelFileError as error:
            raise ModelFileError(f"{name}: {error}") from error
        return model

    @classmethod
    def _own(cls, data: bytes, graph: OnnxFile, given: list[str]) -> "ModelFile":
        if given:
            raise ModelFileError(
                f"{', '.join(given)} came with a model file that has its own; leave them out (they are for a plain "
                ".onnx that edgecnn did not write)."
            )
        card = parse_card(graph.metadata[CARD_KEY])
        labels = check_labels(card["labels"])
        return cls(data, card["name"], labels, read_preprocess(card["preprocess"]), None, card, graph)

    @classmethod
    def _foreign(
        cls,
        data: bytes,
        name: str,
        graph: OnnxFile,
        labels: Sequence[str] | None,
        preprocess: Preprocess | None,
        normalization: Normalization | None,
    ) -> "ModelFile":
        is_float = len(graph.inputs) == 1 and graph.inputs[0].element_type == _FLOAT32
        if normalization is not None and not is_float:
            raise ModelFileError(
                "normalization (mean, std) was given, but the model takes no float32 input; leave it out."
            )
        if normalization is not None and normalization.channels != 3:
            raise ModelFileError(
                f"normalization has values for {normalization.channels} channels; expected 3 (red, green, blue)."
            )
        given: dict[str, object] = {"labels": labels, "preprocess": preprocess}
        if is_float:
            given["normalization"] = normalization
        missing = [key for key, value in given.items() if value is None]
        if missing or labels is None or preprocess is None:
            raise ModelFileError(
                f"edgecnn did not write this file, so {', '.join(missing)} must be given: "
                f"Classifier(path, {', '.join(f'{key}=…' for key in missing)}); or make a model file of it: "
                f"edgecnn export {name} -o model.onnx --labels labels.txt --size 224 --mean … --std …"
            )
        checked = check_labels(list(labels), OptionError)
        return cls(data, Path(name).stem, checked, preprocess, normalization if is_float else None, {}, graph)

    def _check_interface(self) -> None:
        """The graph's inputs and outputs are those that the rest of the runtime relies on."""
        if len(self.graph.inputs) != 1:
            found = ", ".join(tensor.name for tensor in self.graph.inputs) or "none"
            raise ModelFileError(f"the model has the inputs {found}; expected exactly one, a picture.")
        taken = self.input
        if self.card and self.card["input"]["name"] != taken.name:
            raise ModelFileError(
                f"the metadata names the input {self.card['input']['name']!r}, the graph {taken.name!r}; "
                "export the model again."
            )
        if self.normalization is None and (taken.element_type != _UINT8 or len(taken.shape) != 4):
            raise ModelFileError(
                f"the input {taken.name!r} is not uint8 (N, height, width, 3); export the model again."
            )
        expected = (self.preprocess.height, self.preprocess.width, 3)
        channels_first = self.normalization is not None and not self.channels_last
        found_shape = (
            (*taken.shape[2:], taken.shape[1]) if channels_first and len(taken.shape) == 4 else taken.shape[1:]
        )
        if len(found_shape) != 3 or any(f not in (0, e) for f, e in zip(found_shape, expected, strict=False)):
            raise ModelFileError(
                f"the input {taken.name!r} takes {found_shape} (height, width, channels), preprocess gives {expected}."
            )
        logits = self.logits
        if logits.element_type not in _LOGIT_TYPES or (logits.shape and len(logits.shape) != 2):
            raise ModelFileError(
                f"the output {logits.name!r} is no float tensor (N, classes), one score a class; "
                "expected an image classifier."
            )
        if logits.shape and logits.shape[-1] not in (0, len(self.labels)):
            raise ModelFileError(
                f"the model gives {logits.shape[-1]} scores a picture, but there are {len(self.labels)} labels."
            )

    @property
    def height(self) -> int:
        """Rows of the network's input, in pixels."""
        return self.preprocess.height

    @property
    def width(self) -> int:
        """Columns of the network's input, in pixels."""
        return self.preprocess.width

    @property
    def input(self) -> TensorInfo:
        """The graph's one input."""
        return self.graph.inputs[0]

    @property
    def channels_last(self) -> bool:
        """Whether the input is `(N, H, W, 3)`; a foreign file may take `(N, 3, H, W)`."""
        return len(self.input.shape) != 4 or self.input.shape[1] != 3 or self.input.shape[3] == 3

    @cached_property
    def logits(self) -> TensorInfo:
        """The output that holds one score a class, `(N, classes)` float32."""
        wanted = read_field(self.card, "outputs.logits", str) if self.card else self.graph.outputs[0].name
        for tensor in self.graph.outputs:
            if tensor.name == wanted:
                return tensor
        raise ModelFileError(f"the metadata names the output {wanted!r}, which the graph does not have.")

    @cached_property
    def gives_probabilities(self) -> bool:
        """Whether the scores went through a softmax already, as those of many foreign files."""
        return ("Softmax", self.logits.name) in self.graph.nodes

    @cached_property
    def features(self) -> FeatureOutput | None:
        """The last feature map, where the network ends in global average pooling and one linear layer."""
        entry = self.card.get("outputs", {}).get("features") if self.card else None
        if not entry:
            return None
        name = read_field(self.card, "outputs.features.name", str)
        weights = read_field(self.card, "outputs.features.weights", str)
        return FeatureOutput(name, weights, bool(entry.get("transposed", False)))

    @property
    def license(self) -> str:
        """License of the weights, as an SPDX expression or a sentence."""
        return str(self.card.get("licence", "unknown"))

    @property
    def source(self) -> dict[str, Any]:
        """Where the weights came from: source, versions, date."""
        return dict(self.card.get("source") or {})

    @property
    def precision(self) -> dict[str, Any]:
        """`kind` (`fp32`, `fp16`, `int8`) and how it was chosen."""
        return dict(self.card.get("precision") or {"kind": "unknown"})

    @property
    def measured(self) -> dict[str, Any]:
        """Accuracy, agreement and latency that were measured when the file was made."""
        return dict(self.card.get("measured") or {})

    @property
    def golden(self) -> dict[str, Any] | None:
        """Golden vectors as they stand in the file; `edgecnn_runtime.verification` runs them."""
        return self.card.get("golden")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the graph and its weights as they are now, in hex."""
        return graph_digest(self.data)


def default_model_path() -> Path:
    """The model that comes with the wheel: EfficientNet-Lite0, 1000 ImageNet classes, int8."""
    return Path(__file__).parent / "models" / "default.onnx"


def _read(source: str | os.PathLike[str] | bytes) -> tuple[bytes, str]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "<bytes>"
    path = Path(source)
    if "\0" in str(path):
        raise ModelFileError(f"the path {str(path)!r} holds a zero byte; expected the name of an .onnx model file.")
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ModelFileError(f"{path} is a folder; expected an .onnx model file.")
        if size > _MAX_FILE_BYTES:
            raise ModelFileError(f"{path} is {size} bytes; expected at most {_MAX_FILE_BYTES}, ONNX's own limit.")
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}; expected an .onnx model file.") from error
    if not data:
        raise ModelFileError(f"{path} is empty; expected an .onnx model file.")
    return data, str(path)
