"""The model file: one `.onnx` with everything in it that the right answer needs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from edgecnn_runtime.allowed_operators import check_node_count, refuse_loops
from edgecnn_runtime.card import CARD_KEY, Card, FeatureOutput, check_labels, parse_card
from edgecnn_runtime.errors import ModelFileError, OptionError, quoted
from edgecnn_runtime.model_source import read_model_bytes
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.onnx_file import OnnxFile, TensorInfo, graph_digest, read_onnx
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["ModelFile"]

_UINT8, _FLOAT32 = 2, 1
_MAX_BATCH = 1024
_LOGIT_TYPES = (0, 1, 10, 11)  # undeclared, float32, float16, float64


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A validated model file.

    Attributes:
        data: The file's bytes.
        card: What the file says about itself; for a plain `.onnx`, what the caller said of it.
        graph: What the ONNX graph declares.
        normalization: None for edgecnn's own files, whose graph takes uint8 pixels; for a plain `.onnx` with float
            input what turns pixels into that.
        allow_unbounded: Whether to run it even if it may never end, or take any amount of memory.
    """

    data: bytes
    card: Card
    graph: OnnxFile
    normalization: Normalization | None = None
    allow_unbounded: bool = False

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | bytes,
        *,
        labels: Sequence[str] | None = None,
        preprocess: Preprocess | None = None,
        normalization: Normalization | None = None,
        allow_unbounded: bool = False,
    ) -> "ModelFile":
        """Read and check a model file.

        Args:
            source: Path, or the file's bytes.
            labels: For a plain `.onnx` that edgecnn did not write: its class names in the order of its output.
            preprocess: Likewise: from a picture to pixels.
            normalization: Likewise, where its input is float: from pixels to its input.
            allow_unbounded: Take a trusted file that may never end, or take any amount of memory, as one with loops.

        Raises:
            ModelFileError: Missing, damaged, unsafe, of a newer format, or something the answer needs is not there.
        """
        data, name = read_model_bytes(source)
        given: dict[str, Any] = {"labels": labels, "preprocess": preprocess, "normalization": normalization}
        try:
            graph = read_onnx(data)
            check_node_count(graph)
            if not allow_unbounded:
                refuse_loops(graph)
            if len(graph.inputs) != 1:
                found = ", ".join(tensor.name for tensor in graph.inputs) or "none"
                raise ModelFileError(f"the model has the inputs {found}; expected exactly one, a picture.")
            if CARD_KEY in graph.metadata:
                _refuse_given([key for key, value in given.items() if value is not None])
                card = parse_card(graph.metadata[CARD_KEY])
            else:
                card = _foreign_card(name, graph, **given)
            model = cls(data=data, card=card, graph=graph, normalization=normalization, allow_unbounded=allow_unbounded)
            model._check_input()
            model._check_logits()
        except ModelFileError as error:
            if isinstance(source, bytes):
                raise  # bytes have no name that would tell a person which file is meant
            raise ModelFileError(f"{name}: {error}") from error
        return model

    @property
    def name(self) -> str:
        """Short name of the network."""
        return self.card.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.card.labels

    @property
    def preprocess(self) -> Preprocess:
        """From an upright RGB picture to pixels."""
        return self.card.preprocess

    @property
    def height(self) -> int:
        """Rows of the network's input, in pixels."""
        return self.preprocess.height

    @property
    def width(self) -> int:
        """Columns of the network's input, in pixels."""
        return self.preprocess.width

    @property
    def features(self) -> FeatureOutput | None:
        """The last feature map, where the network ends in global average pooling and one linear layer."""
        return self.card.features

    @property
    def input(self) -> TensorInfo:
        """The graph's one input."""
        return self.graph.inputs[0]

    @property
    def channels_last(self) -> bool:
        """Whether the input is `(N, H, W, 3)`; a plain `.onnx` may take `(N, 3, H, W)`."""
        return len(self.input.shape) != 4 or self.input.shape[1] != 3 or self.input.shape[3] == 3

    @property
    def one_picture(self) -> TensorInfo:
        """The graph's input with all sizes known: those of the smallest batch that it takes."""
        colors_last = (self.height, self.width, 3)
        sizes = colors_last if self.channels_last else (3, self.height, self.width)
        return replace(self.input, shape=(self.input.shape[0] or 1, *sizes))

    @cached_property
    def logits(self) -> TensorInfo:
        """The output that holds one score a class, `(N, classes)` float32."""
        for tensor in self.graph.outputs:
            if tensor.name == self.card.logits:
                return tensor
        raise ModelFileError(
            f"the metadata names the output {_named(self.card.logits)}, which the graph does not have."
        )

    @cached_property
    def gives_probabilities(self) -> bool:
        """Whether the scores went through a softmax already, as those of many plain `.onnx` files."""
        return ("Softmax", self.logits.name) in self.graph.nodes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the graph and its weights as they are now, in hex."""
        return graph_digest(self.data)

    def _check_input(self) -> None:
        """The graph takes the pixels that `preprocess` makes."""
        taken = self.input
        if self.card.input_name != taken.name:
            raise ModelFileError(
                f"the metadata names the input {_named(self.card.input_name)}, the graph {_named(taken.name)}; "
                "export the model again."
            )
        if self.normalization is None and (taken.element_type != _UINT8 or len(taken.shape) != 4):
            raise ModelFileError(
                f"the input {_named(taken.name)} is not uint8 (N, height, width, 3); export the model again."
            )
        expected = (self.height, self.width, 3)
        channels_first = self.normalization is not None and not self.channels_last
        found = (*taken.shape[2:], taken.shape[1]) if channels_first else taken.shape[1:]
        if len(found) != 3 or any(size not in (0, wanted) for size, wanted in zip(found, expected, strict=True)):
            raise ModelFileError(
                f"the input {_named(taken.name)} takes {found} (height, width, channels), preprocess gives {expected}."
            )
        if taken.shape[0] > _MAX_BATCH:
            raise ModelFileError(
                f"the input {_named(taken.name)} takes {taken.shape[0]} pictures at a time; at most {_MAX_BATCH} fit."
            )

    def _check_logits(self) -> None:
        """The graph gives one score a label."""
        logits = self.logits
        if logits.element_type not in _LOGIT_TYPES or (logits.shape and len(logits.shape) != 2):
            raise ModelFileError(
                f"the output {_named(logits.name)} is no float tensor (N, classes), one score a class; "
                "expected an image classifier."
            )
        if logits.shape and logits.shape[-1] not in (0, len(self.labels)):
            raise ModelFileError(
                f"the model gives {logits.shape[-1]} scores a picture, but there are {len(self.labels)} labels."
            )


def _named(name: str) -> str:
    """A name out of the file, in quotes."""
    return f"'{quoted(name, 80)}'"


def _refuse_given(superfluous: list[str]) -> None:
    if superfluous:
        raise ModelFileError(
            f"{', '.join(superfluous)} came with a model file that has its own; leave them out (they are for a plain "
            ".onnx that edgecnn did not write)."
        )


def _foreign_card(
    name: str,
    graph: OnnxFile,
    *,
    labels: Sequence[str] | None,
    preprocess: Preprocess | None,
    normalization: Normalization | None,
) -> Card:
    """The card of a file that edgecnn did not write, made of what the caller knows."""
    takes_float = graph.inputs[0].element_type == _FLOAT32
    if normalization is not None and not takes_float:
        raise ModelFileError("normalization (mean, std) was given, but the model takes no float32 input; leave it out.")
    if normalization is not None and normalization.channels != 3:
        raise ModelFileError(f"normalization is for {normalization.channels} channels; expected 3: red, green, blue.")
    needed: dict[str, object] = {"labels": labels, "preprocess": preprocess}
    if takes_float:
        needed["normalization"] = normalization
    missing = [key for key, value in needed.items() if value is None]
    if missing or labels is None or preprocess is None:
        raise ModelFileError(
            f"edgecnn did not write this file, so {', '.join(missing)} must be given: "
            f"Classifier(path, {', '.join(f'{key}=…' for key in missing)}); or make a model file of it: "
            f"edgecnn export {name} -o model.onnx --labels labels.txt --size 224 --mean … --std …"
        )
    return Card(
        name=Path(name).stem,
        labels=check_labels(list(labels), OptionError),
        preprocess=preprocess,
        input_name=graph.inputs[0].name,
        logits=graph.outputs[0].name,
    )
