"""Find the scores among a foreign network's outputs: one number a label, or one number for two labels."""

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError
from numpy.typing import NDArray

from edgecnn_export.foreign.specimen import Rows

__all__ = ["choose_output", "output_names"]


def output_names(model: ir.Model, asked: str | None) -> list[str]:
    """The tensors that may hold the scores: the one that was asked for, or all outputs that are float tensors.

    Raises:
        ModelFileError: There is no such tensor, or all outputs are something else.
    """
    if asked is not None:
        if not any(value.name == asked for value in (*model.graph.outputs, *_made(model))):
            listed = ", ".join(str(value.name) for value in model.graph.outputs)
            raise ModelFileError(f"there is no output {asked!r}; expected one of {listed} for --scores.")
        return [asked]
    floats = (None, ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE)
    found = [str(v.name) for v in model.graph.outputs if v.dtype in floats and not isinstance(v.type, ir.SequenceType)]
    if not found:
        listed = ", ".join(f"{value.name} ({value.type})" for value in model.graph.outputs)
        raise ModelFileError(
            f"none of its outputs is a float tensor of scores: {listed}; export the network without what turns its "
            "scores into labels or dictionaries (ZipMap, ArgMax)."
        )
    return found


def choose_output(outputs: dict[str, Rows], labels: int) -> str:
    """The name of the output with one number a label; of logits and their own probabilities, the logits.

    Args:
        outputs: `(pictures, values)` of each, in the order of the file.
        labels: How many there are.

    Raises:
        ModelFileError: None fits, or several that say different things do.
    """
    if labels == 1:
        raise ModelFileError(
            "there is one label, and every picture would be it; give two, the first for a low score, the second for a "
            "high one."
        )
    counts = (labels, 1) if labels == 2 else (labels,)
    fitting = [name for count in counts for name, rows in outputs.items() if rows.shape[1] == count]
    if not fitting:
        listed = ", ".join(f"{name} gives {rows.shape[1]}" for name, rows in outputs.items())
        raise ModelFileError(f"there are {labels} labels, but {listed} scores a picture; give one label a score.")
    if len({outputs[name].shape[1] for name in fitting}) > 1:
        fitting = [name for name in fitting if outputs[name].shape[1] == labels]
    first, *others = fitting
    for other in others:
        if _says_the_same(outputs[first], outputs[other]):
            continue  # first are the logits of other
        if _says_the_same(outputs[other], outputs[first]):
            first = other
            continue
        raise ModelFileError(
            f"the outputs {', '.join(fitting)} all give {labels} scores a picture and differ; choose one with "
            f"--scores, such as --scores {first}."
        )
    return first


def _says_the_same(logits: Rows, other: Rows) -> bool:
    return bool(np.allclose(_softmax(logits), other, atol=1e-3) or np.allclose(logits, other, rtol=1e-4, atol=1e-5))


def _softmax(rows: Rows) -> NDArray[np.float64]:
    exponents = np.exp(rows.astype(np.float64) - rows.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def _made(model: ir.Model) -> list[ir.Value]:
    return [value for node in model.graph for value in node.outputs]
