"""Why the network said so: everything that the page of one prediction shows, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier, ModelFileError, Result
from edgecnn_runtime.class_activation import class_activation_map
from edgecnn_runtime.image import ImageSource

from edgecnn.names import find_class
from edgecnn.understanding.explaining.class_maps import cam_source
from edgecnn.understanding.explaining.first_layer import FirstLayer, first_convolution, first_layer
from edgecnn.understanding.explaining.occlusion import occlusion_map
from edgecnn.understanding.explaining.stages import Stage, pick_stages, stage_of
from edgecnn.understanding.inspecting import Graph, layers_of, readable_tensor
from edgecnn.understanding.inspecting.damaged import one_sentence

__all__ = ["ClassMap", "Explanation", "explain"]

_NO_CAM = (
    "This network does not end in global average pooling and one linear layer, so it has no class activation map. "
    "Shown instead: how far the class falls when a piece of the picture is covered."
)


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Where the network saw one class.

    Attributes:
        index: The class.
        label: Its name.
        score: Its probability, 0 to 1.
        map: `(h, w)` float32, positive where the picture speaks for the class.
    """

    index: int
    label: str
    score: float
    map: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One prediction, taken apart.

    Attributes:
        model: Name of the network, and its precision.
        pixels: `(H, W, 3)` uint8 RGB, the picture as the network gets it.
        result: The prediction.
        method: How the maps were made.
        maps: The most probable classes, then those that were asked for.
        first: The first layer; None when the network does not start with a convolution of the picture.
        stages: By depth.
        note: What could not be shown, and why; empty when all was.
        tensors: Outputs of the stages' layers, `(channels, h, w)`, by tensor name, which quantizing does not change.
    """

    model: str
    pixels: npt.NDArray[np.uint8]
    result: Result
    method: Literal["activation", "occlusion"]
    maps: tuple[ClassMap, ...]
    first: FirstLayer | None
    stages: tuple[Stage, ...]
    note: str
    tensors: dict[str, npt.NDArray[np.float32]]


def explain(
    classifier: Classifier,
    source: ImageSource,
    *,
    classes: Sequence[str] = (),
    top: int = 5,
    occlusion: bool = False,
) -> Explanation:
    """Explain one prediction.

    Args:
        classifier: The network.
        source: The picture.
        classes: Further classes to map, by name or index.
        top: How many of the most probable classes to map.
        occlusion: Cover the picture piece by piece in place of class activation maps. Networks that do not end in
            global average pooling and a linear layer are always explained so.

    Raises:
        ImageError: The picture cannot be used; OptionError: no such class.
    """
    wanted = [find_class(name, classifier.labels) for name in classes]
    pixels = classifier.prepare(source)
    size = classifier.model.height, classifier.model.width
    cam, note = None, ""
    with one_sentence("the graph"):
        graph = Graph(classifier.model.data)
        layers = layers_of(graph)
        stages = {layer: readable_tensor(graph, layer.tensor) for layer in pick_stages(layers, *size)}
        starts = first_convolution(graph, layers)
        try:
            cam = None if occlusion else cam_source(classifier, graph)
        except ModelFileError:
            note = _NO_CAM
    names = list(stages.values())
    if cam is not None:
        names.append(cam.tensor)
    if starts is not None:
        names.append(starts[0].tensor)  # before the activation, which would cut half of every edge off
    read = _read(classifier, pixels, list(dict.fromkeys(names)))
    result = classifier.classify_pixels(pixels, source=str(source) if isinstance(source, str) else "picture")
    maps = []
    for index in dict.fromkeys([*(entry.index for entry in result.top(top)), *wanted]):
        if cam is not None:
            values = class_activation_map(read[cam.tensor], cam.weights, index)
        else:
            values = occlusion_map(classifier, pixels, index)
        score = float(result.probabilities[index])
        maps.append(ClassMap(index=index, label=classifier.labels[index], score=score, map=values))
    return Explanation(
        model=_name(classifier),
        pixels=pixels,
        result=result,
        method="occlusion" if cam is None else "activation",
        maps=tuple(maps),
        first=first_layer(*starts, read[starts[0].tensor], pixels) if starts else None,
        stages=tuple(stage_of(layer, read[tensor], *size) for layer, tensor in stages.items()),
        note=note,
        tensors={layer.tensor: read[tensor] for layer, tensor in stages.items()},
    )


def _name(classifier: Classifier) -> str:
    """The network's name, with its precision where the file tells it."""
    kind = str(classifier.model.card.precision.get("kind", "unknown"))
    return classifier.model.name if kind == "unknown" else f"{classifier.model.name} ({kind})"


def _read(
    classifier: Classifier, pixels: npt.NDArray[np.uint8], names: list[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """Inner tensors for one picture, without the batch dimension."""
    values = classifier.with_outputs(names).run(pixels[None], names)
    return {name: np.asarray(value[0], np.float32) for name, value in zip(names, values, strict=True)}
