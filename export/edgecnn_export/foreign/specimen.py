"""Run a foreign network on pictures, whatever batch and layout it wants: what every step is compared with."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.preprocess import Pixels
from edgecnn_runtime.session import session_options
from numpy.typing import NDArray

from edgecnn_export.foreign.taken import TakenInput

__all__ = ["Specimen"]

Rows = NDArray[np.float32]


class Specimen:
    """A foreign network in ONNX Runtime on the CPU.

    Args:
        model: The network; inner tensors in `also` become outputs.
        taken: What it takes.
        also: Names of inner tensors that `rows` may be asked for.

    Raises:
        ModelFileError: ONNX Runtime does not load it.
    """

    def __init__(self, model: onnx.ModelProto, taken: TakenInput, also: Sequence[str] = ()) -> None:
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        present = {output.name for output in model.graph.output}
        watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in also if name not in present)
        self._taken = taken
        try:
            self._session = ort.InferenceSession(
                watched.SerializeToString(), session_options(arena=False), providers=["CPUExecutionProvider"]
            )
        # ONNX Runtime's exceptions share no base class with a name.
        except Exception as error:
            raise ModelFileError(f"ONNX Runtime {ort.__version__} cannot load it: {_first_line(error)}") from error

    def rows(self, names: Sequence[str], pixels: Pixels) -> dict[str, Rows]:
        """Each tensor as `(N, values a picture)` float32 for prepared pixels; what is no such is left out.

        Raises:
            ModelFileError: ONNX Runtime fails on the pictures.
        """
        size = self._taken.batch or 1
        found: dict[str, list[Rows]] = {name: [] for name in names}
        for start in range(0, len(pixels), size):
            batch = pixels[start : start + size]
            filled = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
            try:
                values = self._session.run(list(names), {self._taken.name: self._taken.of(filled)})
            except Exception as error:
                raise ModelFileError(f"ONNX Runtime {ort.__version__} cannot run it: {_first_line(error)}") from error
            for name, value in zip(names, values, strict=True):
                if name in found and isinstance(value, np.ndarray) and value.size and value.size % size == 0:
                    found[name].append(value.reshape(size, -1)[: len(batch)].astype(np.float32))
                else:
                    found.pop(name, None)
        return {name: np.concatenate(parts) for name, parts in found.items() if len({p.shape[1] for p in parts}) == 1}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
