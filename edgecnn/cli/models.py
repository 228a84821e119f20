"""The model file that a person named."""

from pathlib import Path

from edgecnn_runtime import Classifier, OptionError

__all__ = ["DEFAULT_MODEL", "find_model_file", "open_classifier"]

DEFAULT_MODEL = "default"


def find_model_file(name: str) -> Path | None:
    """The path behind the name of a model; None for the built-in one.

    Raises:
        OptionError: It is the name of a network, or of nothing; the message says how to come to a model file.
    """
    if name == DEFAULT_MODEL or name.endswith(".onnx"):
        return None if name == DEFAULT_MODEL else Path(name)
    from edgecnn.zoo.resolve import resolve  # names of networks, which `classify` must not wait for

    found = resolve(name)
    if isinstance(found, Path):
        return found
    raise OptionError(f"{name} is no model file; make one of it: edgecnn export {found} -o model.onnx")


def open_classifier(
    model: str, *, device: str = "auto", require: bool = False, threads: int | None = None, exact: bool = False
) -> Classifier:
    """A classifier of the model that was named, as `find_model_file` takes it."""
    return Classifier(find_model_file(model), device=device, require=require, threads=threads, exact=exact)
