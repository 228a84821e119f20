"""The model file that a person named."""

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
    card = classifier.model.card
    detail(
        f"{card.name}: {card.precision['kind']}, {len(card.labels)} classes, {card.preprocess.to_dict()}, "
        f"large JPEGs {'in full' if exact else 'at a fraction'}; on {classifier.device} ({classifier.provider}), "
        f"threads a picture: {threads or 'one a core'}"
    )
    return classifier
