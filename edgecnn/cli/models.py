"""The model file that a person named."""

from pathlib import Path
from typing import Annotated, Any

import typer
from edgecnn_runtime import Classifier, OptionError

from edgecnn.cli.output import detail
from edgecnn.zoo.resolve import DEFAULT_MODEL, resolve

__all__ = ["DEFAULT_MODEL", "AllowUnbounded", "find_model_file", "open_classifier"]

AllowUnbounded = Annotated[
    bool,
    typer.Option(
        "--allow-unbounded", help="Take a trusted model file that may never end, or take any amount of memory."
    ),
]


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


def open_classifier(model: str, **options: Any) -> Classifier:
    """A classifier of the model that was named, as `find_model_file` takes it; options are the `Classifier`'s."""
    classifier = Classifier(None if model == DEFAULT_MODEL else find_model_file(model), **options)
    detail(_description(classifier))
    return classifier


def _description(classifier: Classifier) -> str:
    card, rule = classifier.model.card, classifier.model.preprocess
    short_side = f" to {rule.resize_to}" if rule.resize_to else ""
    decoded = "in full" if classifier.exact else "at a fraction"
    return (
        f"{card.name}: {card.precision.get('kind', 'unknown')}, {len(card.labels)} classes, pictures of "
        f"{rule.height}×{rule.width} ({rule.resize}{short_side}, {rule.kernel}; large JPEGs {decoded}), "
        f"on {classifier.device} ({classifier.provider})"
    )
