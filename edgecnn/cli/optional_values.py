"""Options whose value may be left out, as in `--web [HOST:PORT]`, which typer has no word for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["OptionalValue", "fill_optional_values"]


@dataclass(frozen=True)
class OptionalValue:
    """What an option takes, and what it means without.

    Attributes:
        pattern: what a value looks like; anything else behind the option is an argument of its own.
        default: the value where none is given.
    """

    pattern: re.Pattern[str]
    default: str


def fill_optional_values(arguments: Sequence[str], options: Mapping[str, OptionalValue]) -> list[str]:
    """The arguments with `OPTION=VALUE` wherever one of `options` stands; what follows `--` is left alone."""
    filled: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*filled, argument, *rest]
        option = options.get(argument)
        if option is not None:
            value = rest.pop(0) if rest and option.pattern.fullmatch(rest[0]) else option.default
            argument = f"{argument}={value}"
        filled.append(argument)
    return filled
