"""Write the JSON document of a model file; `edgecnn_runtime.card` reads it and `docs/model-file.md` describes it."""

import datetime
import importlib.metadata
from typing import Any

from edgecnn_runtime.card import FORMAT

from edgecnn_export.pixel_graph import FEATURES, LOGITS, PIXELS, PixelGraph

__all__ = ["build_card"]


def build_card(graph: PixelGraph, *, precision: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """The document without golden vectors, which are measured on the finished graph.

    Args:
        graph: what is written.
        precision: `kind` (`fp32`, `fp16`, `int8`) and how it was chosen.
        measured: figures by the name of the check that gave them.
    """
    outputs: dict[str, Any] = {"logits": LOGITS}
    if graph.features is not None:
        tap = graph.features
        outputs["features"] = {"name": FEATURES, "weights": tap.weights, "transposed": tap.transposed}
    size = graph.preprocess
    return {
        "format": FORMAT,
        "name": graph.name,
        "task": "classify",
        "labels": list(graph.labels),
        "licence": graph.license,
        "source": {**graph.source, **_provenance()},
        "input": {
            "name": PIXELS,
            "height": size.height,
            "width": size.width,
            "dtype": "uint8",
            "layout": "NHWC",
            "colour": "RGB",
        },
        "preprocess": graph.preprocess.to_dict(),
        "outputs": outputs,
        "precision": precision,
        "measured": measured,
    }


def _provenance() -> dict[str, Any]:
    packages = ("edgecnn-export", "torch", "onnx", "onnxruntime")
    return {
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
