"""Which operators a file may have: none that repeats others without end, and no more than a network needs."""

from collections.abc import Iterable, Mapping

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.onnx_file import OnnxFile

__all__ = ["MAX_NODES", "check_node_count", "refuse_loops"]

MAX_NODES = 100_000
_MAX_CALLS = 64  # of one function inside the other
_LOOPS = frozenset({
    "Loop", "Scan", "SequenceMap", "com.microsoft.BeamSearch", "com.microsoft.GreedySearch", "com.microsoft.Sampling",
    "com.microsoft.WhisperBeamSearch",
})  # fmt: skip


def refuse_loops(file: OnnxFile) -> None:
    """Refuse operators that repeat a graph: no classifier needs them, and one may take 10^15 turns.

    Raises:
        ModelFileError: There is one, at whatever depth.
    """
    found = sorted(_LOOPS & {*file.operators, *file.inner_operators})
    if found:
        raise ModelFileError(
            f"the model has the operator {found[0]}, which may never end and which no image classifier needs; "
            "if you trust the file, load it with allow_unbounded (--allow-unbounded)."
        )


def check_node_count(file: OnnxFile) -> None:
    """Count nodes as ONNX Runtime gets them: with each function written out wherever it is called.

    Raises:
        ModelFileError: More than 100,000, or a function that calls itself.
    """
    sizes: dict[str, int] = {}
    for name in file.functions:
        _count(name, file.functions, sizes, callers=())
    count = _sum((*file.operators, *file.body_operators), sizes)
    if count > MAX_NODES:
        raise ModelFileError(f"the graph has {count:,} nodes; expected at most {MAX_NODES:,}.")


def _count(name: str, functions: Mapping[str, list[str]], sizes: dict[str, int], callers: tuple[str, ...]) -> None:
    """Find the size of a function after those that it calls."""
    if name in callers:
        raise ModelFileError(f"the file's function {name} calls itself, so it never ends; export the model again.")
    if len(callers) > _MAX_CALLS:
        raise ModelFileError(f"the file nests functions more than {_MAX_CALLS} deep; no classifier needs that.")
    if name in sizes:
        return
    for called in functions.keys() & functions[name]:
        _count(called, functions, sizes, (*callers, name))
    sizes[name] = _sum(functions[name], sizes)


def _sum(operators: Iterable[str], sizes: Mapping[str, int]) -> int:
    return sum(sizes.get(operator, 1) for operator in operators)
