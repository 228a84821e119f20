"""The model file that a person named."""

import os
from pathlib import Path

from edgecnn_runtime import Classifier, OptionError

from edgecnn.cli.output import detail
from edgecnn.zoo.resolve import DEFAULT_MODEL, resolve

__all__ = ["DEFAULT_MODEL", "find_model_file", "open_classifier"]


def find_model_file(name: str) -> Path:
    """The path behind the name of a model.

    Raises:
        OptionError: It is the name of a network, or of nothing; the message says how to come to a model file.
    """
    found = Path(name) if name.endswith(".onnx") else resolve(name)
    if isinstance(found, Path):
        detail(f"model file: {found.absolute()}")
        return found
    raise OptionError(f"{name} is no model file; make one of it: edgecnn export {found} -o model.onnx")


def open_classifier(
    model: str, *, device: str = "auto", require: bool = False, threads: int | None = None, exact: bool = False
) -> Classifier:
    """A classifier of the model that was named, as `find_model_file` takes it."""
    classifier = Classifier(find_model_file(model), device=device, require=require, threads=threads, exact=exact)
    card, rule = classifier.model.card, classifier.model.preprocess
    short_side = f" to {rule.resize_to}" if rule.resize_to else ""
    detail(
        f"{card.name}: {card.precision['kind']}, {len(card.labels)} classes, pictures of {rule.height}×{rule.width} "
        f"({rule.resize}{short_side}, {rule.kernel}; large JPEGs {'in full' if exact else 'at a fraction'}), "
        f"on {classifier.device} ({classifier.provider}) with {threads or os.cpu_count()} threads a picture"
    )
    return classifier
