"""Dataclasses from JSON that somebody may have edited: each field of its type, or a sentence that says which is not."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar

from edgecnn_runtime.errors import DataError

__all__ = ["read_record"]

_Record = TypeVar("_Record")
_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def read_record(kind: type[_Record], document: Any, where: str) -> _Record:
    """Make a dataclass of a JSON object by the types of its fields; keys that it does not know are left alone.

    Args:
        kind: A dataclass of texts, numbers, literals, tuples of one type, mappings, unions with None and dataclasses.
        document: The object; a value may be of its field's dataclass already.
        where: What the object is called in an error; empty for a whole file.

    Raises:
        DataError: A field is missing or of another type.
    """
    _check(document, dict, where)
    hints = typing.get_type_hints(kind)
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]
        place = f"{where}.{field.name}" if where else field.name
        if field.name in document:
            values[field.name] = _read(hints[field.name], document[field.name], place)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DataError(f"there is no {place}")
    return kind(**values)


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _read(inner, value, where)
    if origin is tuple:
        _check(value, list, where)
        return tuple(_read(arguments[0], entry, f"{where}[{index}]") for index, entry in enumerate(value))
    if is_dataclass(hint):
        return value if isinstance(value, hint) else read_record(hint, value, where)  # type: ignore[arg-type]
    if origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            raise DataError(f"{where} is {str(value)[:60]!r}; expected one of {', '.join(arguments)}")
    elif hint is not Any:
        _check(value, dict if origin is Mapping else hint, where)
    return value


def _check(value: Any, kind: type, where: str) -> None:
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise DataError(f"{where or 'it'} is {str(value)[:60]!r}; expected {_NAMES[kind]}")
