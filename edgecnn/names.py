"""Names that people type: the built-in model's, and the nearest ones where one was mistyped."""

from collections.abc import Sequence

from edgecnn_runtime.errors import OptionError

__all__ = ["DEFAULT_MODEL", "find_class", "nearest", "unknown_name"]

DEFAULT_MODEL = "default"


def nearest(name: str, known: Sequence[str], *, count: int = 3) -> list[str]:
    """The `count` known names most like `name`, best first; names that contain it come before lookalikes."""
    import difflib  # needed for errors alone

    asked = name.lower()
    containing = sorted((entry for entry in known if asked and asked in entry.lower()), key=len)
    lowered = {entry.lower(): entry for entry in known}
    similar = [lowered[entry] for entry in difflib.get_close_matches(asked, list(lowered), n=count, cutoff=0.4)]
    return list(dict.fromkeys([*containing, *similar]))[:count]


def unknown_name(kind: str, name: str, known: Sequence[str]) -> OptionError:
    """The error for a name that does not exist: what came, and the nearest names that do."""
    suggestions = nearest(name, known)
    if not suggestions:
        suggestions = list(known[:3])
    listed = ", ".join(repr(entry) for entry in suggestions)
    return OptionError(f"there is no {kind} {name!r}; the nearest of {len(known)} are {listed}.")


def find_class(name: str, labels: Sequence[str]) -> int:
    """Index of a class given by index, by exact name or by a name that differs only in case.

    Raises:
        OptionError: No such class, or several classes share the name (then the index tells them apart).
    """
    if name.lstrip("-").isdigit():
        index = int(name)
        if 0 <= index < len(labels):
            return index
        raise OptionError(f"class {index} does not exist; the network has classes 0 to {len(labels) - 1}.")
    matches = [index for index, label in enumerate(labels) if label == name]
    if not matches:
        matches = [index for index, label in enumerate(labels) if label.lower() == name.lower()]
    if len(matches) > 1:
        listed = ", ".join(str(index) for index in matches)
        raise OptionError(f"{len(matches)} classes are called {name!r}; give one of the indices {listed}.")
    if not matches:
        raise unknown_name("class", name, list(labels))
    return matches[0]
