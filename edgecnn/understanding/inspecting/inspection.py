"""A network looked at as a whole: its layers, totals, and what its card says."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from edgecnn_runtime import ModelFile, ModelFileError, Preprocess, prepare
from edgecnn_runtime.allowed_operators import check_node_count
from edgecnn_runtime.card import CARD_KEY, Card
from edgecnn_runtime.image import ImageSource
from edgecnn_runtime.model_source import read_model_bytes
from edgecnn_runtime.onnx_file import read_onnx
from edgecnn_runtime.preprocess import MAX_SIDE

from edgecnn.names import unknown_name
from edgecnn.understanding.inspecting.damaged import one_sentence
from edgecnn.understanding.inspecting.inspected_layer import InspectedLayer, layers_of
from edgecnn.understanding.inspecting.onnx_graph import Dimension, Graph
from edgecnn.understanding.pages import Picture
from edgecnn.zoo.resolve import resolve

__all__ = ["Inspection", "inspect", "inspect_graph"]

_FREE_PICTURE_SIZE = 224  # what a network that takes any size is drawn on


@dataclass(frozen=True)
class Inspection:
    """What `edgecnn inspect` tells about a network.

    Attributes:
        name: Short name.
        layers: One row a layer, in the order in which they run.
        height: Of the picture; a name or `?` where the graph leaves it free.
        width: Likewise.
        card: What edgecnn wrote into the file; None for other files.
        data: Bytes of the file, or of the graph for a network out of the zoo.
    """

    name: str
    layers: tuple[InspectedLayer, ...]
    height: Dimension
    width: Dimension
    card: Card | None = field(repr=False)
    data: bytes = field(repr=False)

    @property
    def parameters(self) -> int:
        """Learned numbers, shared ones counted once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates for one picture; None when a layer's are not known."""
        counts = [layer.macs for layer in self.layers]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def weight_bytes(self) -> int:
        """What the parameters take in the file."""
        return sum(layer.weight_bytes for layer in self.layers)

    def layer(self, name: str) -> InspectedLayer:
        """The layer with this name (or tensor).

        Raises:
            OptionError: There is none; the nearest names are suggested.
        """
        for layer in self.layers:
            if name in (layer.name, layer.tensor):
                return layer
        raise unknown_name("layer", name, [layer.name for layer in self.layers])

    def facts(self) -> list[tuple[str, str]]:
        """Lines under the table: totals, preprocessing, labels, license, measured figures."""
        facts = [
            ("layers", f"{len(self.layers)}"),
            ("parameters", f"{self.parameters:,} in {self.weight_bytes:,} bytes"),
            ("multiply-accumulates", self._macs_in_words()),
            ("file", f"{len(self.data):,} bytes"),
            ("picture", f"{self.height} x {self.width} pixels (height x width)"),
        ]
        if self.card is None:
            return [*facts, ("card", "none: edgecnn did not write this file")]
        labels = self.card.labels
        precision = {} if self.card.precision == {"kind": "unknown"} else self.card.precision
        entries: dict[str, Any] = {
            "preprocess": self.card.preprocess.to_dict(),
            "labels": f"{len(labels)}: {', '.join(labels[:3])}{', …' if len(labels) > 3 else ''}",
            "license": self.card.license,
            "source": self.card.source,
            "precision": precision,
            "measured": self.card.measured,
        }
        return [*facts, *((key, _line(value)) for key, value in entries.items() if value)]

    def prepare(self, picture: ImageSource) -> Picture:
        """A picture as the network gets it; squashed to its size where the file has no preprocessing."""
        if self.card is not None:
            return prepare(picture, self.card.preprocess)
        height, width = self.drawn_size
        return prepare(picture, Preprocess(height=height, width=width, resize="squash", kernel="bilinear"))

    @property
    def drawn_size(self) -> tuple[int, int]:
        """Height and width of a picture to show what layers see on, in pixels."""
        height, width = (size if isinstance(size, int) else _FREE_PICTURE_SIZE for size in (self.height, self.width))
        if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
            raise ModelFileError(
                f"the graph takes pictures of {height} x {width} pixels; expected 1 to {MAX_SIDE} to draw one."
            )
        return height, width

    def _macs_in_words(self) -> str:
        if self.macs is not None:
            return f"{self.macs:,} a picture"
        lost = next(layer for layer in self.layers if layer.macs is None)
        return f"unknown: {lost.name} ({lost.operator}) has a free size or cannot be counted from its shapes"


def inspect(source: str | os.PathLike[str]) -> Inspection:
    """Inspect a model file, any `.onnx`, or a network by its zoo name.

    Args:
        source: As `edgecnn.zoo.resolve` takes it: `default`, a file, a name.

    Raises:
        ModelFileError: The file cannot be read as an ONNX graph.
        OptionError: Neither a file nor a known network.
    """
    found = resolve(source)
    if isinstance(found, Path):
        try:
            return inspect_graph(read_model_bytes(found)[0], name=found.stem)
        except ModelFileError as error:
            raise ModelFileError(f"{found}: {error}") from error
    from edgecnn.zoo import NetworkRequest, load

    # What a network costs and sees does not depend on its weights, so none are fetched; a run folder has its own.
    network = load(found) if Path(found).is_dir() else load(found, NetworkRequest(random_weights=True))
    from edgecnn_export.to_onnx import to_onnx

    card = Card(
        name=network.name,
        labels=network.labels,
        preprocess=network.preprocess,
        input_name="pixels",
        logits="logits",
        license=network.license,
        source=dict(network.source),
    )
    return inspect_graph(to_onnx(network).model, name=network.name, card=card)


def inspect_graph(source: bytes | onnx.ModelProto, *, name: str, card: Card | None = None) -> Inspection:
    """Inspect a graph in memory.

    Args:
        source: The bytes of an `.onnx`, or a `ModelProto`.
        name: Of the network, where the card has none.
        card: What is known about it; None reads what edgecnn wrote into the file.

    Raises:
        ModelFileError: The file is damaged, or a layer cannot be understood.
    """
    card = card or _card(source if isinstance(source, bytes) else source.SerializeToString())
    with one_sentence("the graph"):
        graph = Graph(source)
        height, width = graph.picture_size
        layers = tuple(layers_of(graph))
    if not layers:
        raise ModelFileError("no operator of the graph works on its input; expected a network that takes a picture.")
    return Inspection(
        name=card.name if card else name, layers=layers, height=height, width=width, card=card, data=graph.data
    )


def _card(data: bytes) -> Card | None:
    """What edgecnn wrote into a file, after the runtime's own checks; None for files of others."""
    file = read_onnx(data)
    check_node_count(file)
    # Nothing runs here, so a graph that would not end can be looked at.
    return ModelFile.load(data, allow_unbounded=True).card if CARD_KEY in file.metadata else None


def _line(value: Any) -> str:
    """A nested value in one line, `key value, key (key value)`; long lists are cut."""
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if entry not in (None, "", {}, [])}
        return ", ".join(
            f"{key} ({_line(entry)})" if isinstance(entry, dict) else f"{key} {_line(entry)}"
            for key, entry in kept.items()
        )
    if isinstance(value, list):
        shown = " ".join(_line(entry) for entry in value[:6])
        return f"({shown}{' …' if len(value) > 6 else ''})"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else text[:199] + "…"
