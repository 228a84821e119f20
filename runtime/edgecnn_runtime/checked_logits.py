"""From what a network gives to logits that a softmax and a person can rely on."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.model_file import ModelFile

__all__ = ["checked_logits"]

_TINY = np.float32(np.finfo(np.float32).tiny)


def checked_logits(output: npt.NDArray[Any], count: int, model: ModelFile, *, device: str) -> npt.NDArray[np.float32]:
    """Scores before softmax, `(count, classes)` float32, out of a network's output for `count` pictures.

    Raises:
        ModelFileError: Its shape is another one, or some of it is not finite: no answer can be made of NaN.
    """
    expected = (count, len(model.labels))
    if output.shape != expected:
        raise ModelFileError(
            f"{model.name} gives {output.shape} for {count} pictures, but there are {len(model.labels)} labels; "
            f"expected {expected}."
        )
    with np.errstate(over="ignore"):
        scores = output.astype(np.float32, copy=False)
    if not np.isfinite(scores).all():
        raise ModelFileError(
            f"{model.name} on {device}: the network's logits are not finite (NaN or infinity); check its weights and "
            "normalization, and whether float16 is too small for them."
        )
    # The logarithm undoes a softmax up to a constant, which the softmax behind it does not see.
    return np.log(np.maximum(scores, _TINY)) if model.gives_probabilities else scores
