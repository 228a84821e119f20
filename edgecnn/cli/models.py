"""Open the model that a person named."""

from pathlib import Path

from edgecnn_runtime import Classifier

from edgecnn.zoo.resolve import DEFAULT_MODEL

__all__ = ["DEFAULT_MODEL", "open_classifier"]


def open_classifier(
    model: str, *, device: str = "auto", require: bool = False, threads: int | None = None, exact: bool = False
) -> Classifier:
    """A classifier of a model file, or of the built-in model where the name is `default`."""
    path = None if model == DEFAULT_MODEL else Path(model)
    return Classifier(path, device=device, require=require, threads=threads, exact=exact)
