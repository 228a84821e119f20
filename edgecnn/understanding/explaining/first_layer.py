"""The learned filters of the first convolution, beside the Sobel edges of the same picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.preprocess import LUMA
from PIL import Image

from edgecnn.understanding.convolving import KERNELS, convolve
from edgecnn.understanding.inspecting import Graph, InspectedLayer, weight_values

__all__ = ["Filter", "FirstLayer", "first_convolution", "first_layer", "sobel_edges"]

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Filter:
    """One learned filter.

    Attributes:
        index: Of its channel.
        weights: `(kernel height, kernel width, 3)` float32, or one channel at the end.
        map: `(h, w)` float32, its activations on the picture.
        kind: Which Sobel edge its activations follow most, `sobel_x` or `sobel_y`.
        likeness: Correlation of the two, by magnitude, 0 to 1.
    """

    index: int
    weights: Map
    map: Map
    kind: str
    likeness: float


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The first convolution for one picture.

    Attributes:
        name: Of the layer.
        filters: All of them, those most like a Sobel edge first.
        sobel_x: `(H, W)` float32 gradient along x of the picture's brightness.
        sobel_y: Likewise along y.
    """

    name: str
    filters: tuple[Filter, ...]
    sobel_x: Map
    sobel_y: Map


def first_convolution(graph: Graph, layers: Sequence[InspectedLayer]) -> tuple[InspectedLayer, Map] | None:
    """The first layer and its weights `(filters, channels, kernel height, kernel width)`.

    None when the network starts with something else, or with a window of one cell.
    """
    first = next((layer for layer in layers if layer.operator in ("Conv", "QLinearConv", "ConvInteger")), None)
    if first is None or first.operator != "Conv":
        return None
    weights = weight_values(graph, graph.producers[first.tensor].inputs[1])
    usable = weights is not None and weights.ndim == 4 and weights.shape[1] in (1, 3) and weights.shape[2] > 1
    return (first, weights) if usable and weights is not None else None


def sobel_edges(pixels: npt.NDArray[np.uint8]) -> tuple[Map, Map]:
    """Gradients of the brightness along x and along y, `(H, W)` float32, of `(H, W, 3)` uint8 RGB."""
    brightness = pixels.astype(np.float64) @ np.array(LUMA)
    same = np.pad(brightness, 1, mode="edge")
    along_x, along_y = (convolve(same, KERNELS[name]).astype(np.float32) for name in ("sobel_x", "sobel_y"))
    return along_x, along_y


def first_layer(layer: InspectedLayer, weights: Map, maps: Map, pixels: npt.NDArray[np.uint8]) -> FirstLayer:
    """Put each filter beside the edge it responds to.

    Args:
        layer: The first convolution.
        weights: `(filters, channels, kernel height, kernel width)`.
        maps: `(filters, h, w)`, its output for the picture.
        pixels: `(H, W, 3)` uint8 RGB.
    """
    sobel_x, sobel_y = sobel_edges(pixels)
    edges = {"sobel_x": sobel_x, "sobel_y": sobel_y}
    shrunk = {name: _shrunk(np.abs(edge), maps.shape[1], maps.shape[2]) for name, edge in edges.items()}
    filters = []
    for index, activations in enumerate(maps):
        strength = np.abs(activations - np.median(activations))
        likeness = {name: _correlation(strength, edge) for name, edge in shrunk.items()}
        kind = max(likeness, key=likeness.__getitem__)
        shown = weights[index].transpose(1, 2, 0)
        best = max(0.0, likeness[kind])
        filters.append(Filter(index=index, weights=shown, map=activations, kind=kind, likeness=best))
    filters.sort(key=lambda entry: -entry.likeness)
    return FirstLayer(name=layer.name, filters=tuple(filters), sobel_x=sobel_x, sobel_y=sobel_y)


def _shrunk(edge: Map, height: int, width: int) -> Map:
    return np.asarray(Image.fromarray(edge).resize((width, height), Image.Resampling.BOX), np.float32)


def _correlation(first: Map, second: Map) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
