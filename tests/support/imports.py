"""Who imports whom in a tree of Python packages, imports inside functions included."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import statement.

    Attributes:
        module: Dotted name behind `import` or `from`.
        names: What is taken out of it; empty for a plain `import`.
        at_once: Whether it runs while the file itself is loaded, and not in a function or behind an `if`.
    """

    module: str
    names: tuple[str, ...]
    at_once: bool

    @property
    def package(self) -> str:
        """The first part of the module's name."""
        return self.module.partition(".")[0]


def imports(path: Path) -> Iterator[Import]:
    """The import statements of a file, wherever they stand."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = (ast.FunctionDef, ast.AsyncFunctionDef, ast.If)
    inside = {id(node) for outer in ast.walk(tree) if isinstance(outer, later) for node in ast.walk(outer)}
    for node in ast.walk(tree):
        at_once = id(node) not in inside
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}:{node.lineno} imports relatively; absolute names are the rule"
            yield Import(node.module, tuple(alias.name for alias in node.names), at_once)


def import_graph(*packages: Path) -> dict[str, set[str]]:
    """The files of the packages by dotted name, and for each the files among them that it imports.

    A folder's name stands for its `__init__.py`, which counts as imported where something is taken out of it. That
    Python also runs it on the way to a file below does not count: an `__init__` that offers what the files below
    define would be a circle with each of them.
    """
    files = {_dotted(path, package): path for package in packages for path in sorted(package.rglob("*.py"))}
    return {
        name: {target for found in imports(path) for target in _targets(found, files)} - {name}
        for name, path in files.items()
    }


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(found: Import, files: Mapping[str, Path]) -> Iterator[str]:
    below = {f"{found.module}.{name}" for name in found.names} & files.keys()
    yield from below
    if found.module in files and len(below) < max(1, len(found.names)):
        yield found.module


def circles(graph: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Groups of files that reach each other by imports; empty where no import leads back."""
    reached = {name: _reachable(name, graph) for name in graph}
    groups = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return sorted(groups)


def _reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting.extend(new)
    return seen


def upward(graph: Mapping[str, set[str]], floors: Sequence[Sequence[str]]) -> list[str]:
    """Imports that do not go down: to a higher floor, or to another part of the same one.

    Args:
        graph: Files and what they import.
        floors: From top to bottom the parts of each floor, by the start of their dotted names; the longest that fits
            a file's name is the part it belongs to.

    Returns:
        One `FILE imports FILE` for each.
    """
    depth = {part: level for level, parts in enumerate(floors) for part in parts}
    part = {name: _part(name, depth) for name in graph}
    return [
        f"{name} imports {target}"
        for name in sorted(graph)
        for target in sorted(graph[name])
        if part[name] != part[target] and depth[part[target]] <= depth[part[name]]
    ]


def _part(name: str, parts: Iterable[str]) -> str:
    fitting = [part for part in parts if f"{name}.".startswith(f"{part}.")]
    assert fitting, f"{name} has no place in the table of floors"
    return max(fitting, key=len)
