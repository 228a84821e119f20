"""The JSON document inside a model file: reading it, and saying exactly what is wrong with one that does not fit.

`docs/model-file.md` describes it field by field.
"""

import json
from collections.abc import Callable
from typing import Any

from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["CARD_KEY", "FORMAT", "check_labels", "parse_card", "read_field", "read_preprocess"]

CARD_KEY = "edgecnn"
FORMAT = 1
_MAX_CARD_BYTES = 32 << 20
_MAX_CLASSES = 1_000_000


def parse_card(document: str) -> dict[str, Any]:
    """Parse and validate the document.

    Raises:
        ModelFileError: not JSON, of a newer format, or with a field missing or out of range.
    """
    if len(document) > _MAX_CARD_BYTES:
        raise ModelFileError(f"the model file's metadata is {len(document)} bytes; expected at most {_MAX_CARD_BYTES}.")
    try:
        card = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"the model file's metadata is not JSON ({error}); export the model again.") from error
    if not isinstance(card, dict):
        raise ModelFileError(f"the model file's metadata is a JSON {type(card).__name__}; expected an object.")
    found = card.get("format")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ModelFileError(f"the model file's format is {found!r}; expected {FORMAT}.")
    if found > FORMAT:
        raise ModelFileError(
            f"the model file has format {found}, this edgecnn reads format {FORMAT}; "
            "upgrade: pip install -U edgecnn-runtime"
        )
    if card.get("task") != "classify":
        raise ModelFileError(f"the model file's task is {card.get('task')!r}; expected 'classify'.")
    for path in ("name", "licence"):
        read_field(card, path, str)
    check_labels(read_field(card, "labels", list))
    for path in ("input.height", "input.width"):
        read_field(card, path, int)
    for path in ("input.name", "source", "precision", "measured", "golden"):
        if path == "input.name" or path in card:
            read_field(card, path, str if path == "input.name" else dict)
    read_field(card, "outputs.logits", str)
    preprocess = read_preprocess(read_field(card, "preprocess", dict))
    size = (card["input"]["height"], card["input"]["width"])
    if (preprocess.height, preprocess.width) != size:
        raise ModelFileError(
            f"the model file's preprocess gives {preprocess.height}×{preprocess.width} pixels, "
            f"its input takes {size[0]}×{size[1]}; export the model again."
        )
    return card


def read_field(card: dict[str, Any], path: str, kind: type | tuple[type, ...]) -> Any:
    """The value at a dotted path, of the expected type.

    Raises:
        ModelFileError: missing or of another type; the message names the field.
    """
    value: Any = card
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise ModelFileError(f"the model file's metadata has no {path!r}; export the model again.")
        value = value[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(k.__name__ for k in kinds)
        raise ModelFileError(f"the model file's {path!r} is {str(value)[:60]!r}; expected {wanted}.")
    return value


def check_labels(labels: Any, complain: Callable[[str], Exception] = ModelFileError) -> tuple[str, ...]:
    """Labels as a tuple of texts, one a class, in the order of the logits."""
    if not isinstance(labels, (list, tuple)) or not 1 <= len(labels) <= _MAX_CLASSES:
        raise complain(f"labels are {str(labels)[:60]!r}; expected a list of 1 to {_MAX_CLASSES} names.")
    for index, label in enumerate(labels):
        if not isinstance(label, str) or not label.strip():
            raise complain(f"label {index} is {label!r}; expected a name.")
        if any("\ud800" <= letter <= "\udfff" for letter in label):
            raise complain(f"label {index} is {label!r}; expected text that can be written as UTF-8.")
    return tuple(labels)


def read_preprocess(document: Any) -> Preprocess:
    """The `preprocess` object of a card."""
    try:
        return Preprocess.from_dict(document)
    except OptionError as error:
        raise ModelFileError(f"the model file's preprocess does not fit: {error}") from error
