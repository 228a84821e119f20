"""Read a JSON object that somebody else may have written: bounded, finite, and never a traceback."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

__all__ = ["read_json"]

_MAX_BYTES = 32 << 20


def read_json(text: str | bytes, what: str, complain: Callable[[str], Exception]) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: JSON, as text or in UTF-8; names of files may hold bytes that are none.
        what: What it is called in an error.
        complain: Makes the error of a sentence.

    Raises:
        Exception: What `complain` makes: it is no JSON object, is over 32 MiB, nests too deep, or holds a number that
            JSON does not have (NaN, Infinity) or that no double holds.
    """
    if len(text) > _MAX_BYTES:
        raise complain(f"{what} has a length of {len(text)}; expected at most {_MAX_BYTES} bytes of JSON.")
    try:
        decoded = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
        document = json.loads(decoded, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise complain(f"{what} is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise complain(f"{what} is a JSON {type(document).__name__}; expected an object.")
    return document


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is larger than any number")
    return number
