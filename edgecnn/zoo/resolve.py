"""What a person means by the name of a model: the built-in one, a file, a network of the catalog, another source."""

import os
from pathlib import Path

from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.model_source import default_model_path

from edgecnn.names import nearest
from edgecnn.zoo.catalog import CATALOG

__all__ = ["DEFAULT_MODEL", "resolve", "unknown_source"]

DEFAULT_MODEL = "default"


def resolve(name: str | os.PathLike[str]) -> Path | str:
    """Find what was named.

    Args:
        name: `default` for the built-in model, a model file, the folder of a run, a name out of `edgecnn zoo` in any
            case (`MobileNetV2`), or `torchvision:NAME`, `timm:NAME`, `package.module:factory`.

    Returns:
        The path of a model file, or a source that `edgecnn.zoo.load` takes.

    Raises:
        ModelFileError: There is no such model file.
        OptionError: The name is unknown; the nearest ones are suggested.
    """
    text = os.fspath(name)
    path = default_model_path() if text == DEFAULT_MODEL else Path(text)
    if path.is_file():
        return path
    if path.suffix == ".onnx":
        raise ModelFileError(
            f"there is no file {str(path)!r}; give an .onnx file or a network's name (see `edgecnn zoo`)."
        )
    if (text and path.is_dir()) or ":" in text:
        return text
    sources = _sources()
    if text.lower() in sources:
        return sources[text.lower()]
    raise unknown_source(text)


def unknown_source(text: str) -> OptionError:
    """The error for what is neither a file nor a source: what there is, and the nearest networks of the catalog."""
    sources = _sources()
    found = list(dict.fromkeys(sources[key] for key in nearest(text.lower(), list(sources))))
    hint = f"; did you mean {' or '.join(found)}?" if text and found else "."
    return OptionError(
        f"the source {text!r} is unknown; expected efficientnet_lite0, torchvision:NAME, timm:NAME, "
        "package.module:factory, a name of `edgecnn zoo`, an .onnx file or the folder of an edgecnn train run" + hint
    )


def _sources() -> dict[str, str]:
    return {key.lower(): entry.source for entry in CATALOG if entry.source for key in (entry.name, entry.source)}
