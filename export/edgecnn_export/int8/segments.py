"""Run a network piece by piece, so that what happens inside a layer can be changed between the pieces."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
from edgecnn_runtime.session import session_options
from numpy.typing import NDArray

__all__ = ["SegmentedNetwork"]

Tensors = dict[str, NDArray[np.generic]]

PIECE = 8
"""Pictures that one piece of the network runs at a time; only the tensors at its ends are there for all pictures."""


class SegmentedNetwork:
    """A network cut after some of its tensors; each cut may rewrite its tensor before the rest runs.

    Every operator runs in float as the file states it (no fusion into int8 kernels), so the outcome does not depend
    on which instructions this CPU has.

    Args:
        model: The network, nodes in topological order.
        cuts: Tensor name to a function that gets the tensors alive at that point and returns the new value.
        keep_inputs: Whether the inputs of the node that makes a cut's tensor are alive for its function.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        cuts: Mapping[str, Callable[[Tensors], NDArray[np.float32]]],
        *,
        keep_inputs: bool = True,
    ) -> None:
        self._model = ir.from_proto(model)
        self._cuts = dict(cuts)
        self._outputs = [str(value.name) for value in self._model.graph.outputs]
        self._segments = _split(self._model.graph, set(self._cuts))
        self._needed = self._needed_after(keep_inputs=keep_inputs)
        self._sessions: dict[int, ort.InferenceSession] = {}

    def run(self, pixels: NDArray[np.uint8]) -> Tensors:
        """Outputs by name for `(N, H, W, 3)` uint8 pixels."""
        alive: Tensors = {str(self._model.graph.inputs[0].name): pixels}
        for i, nodes in enumerate(self._segments):
            made = {str(value.name) for node in nodes for value in node.outputs}
            wanted = sorted((made & self._needed[i]) | (made & self._cuts.keys()))
            if i not in self._sessions:
                self._sessions[i] = self._open(alive, wanted)
            alive.update(_in_pieces(self._sessions[i], wanted, alive))
            for name in made & self._cuts.keys():
                alive[name] = self._cuts[name](alive)
            alive = {name: value for name, value in alive.items() if name in self._needed[i]}
        return {name: alive[name] for name in self._outputs}

    def _needed_after(self, *, keep_inputs: bool) -> list[set[str]]:
        """For each segment the tensors that later segments or the caller read, and those that its own cut reads."""
        needed: list[set[str]] = []
        later = set(self._outputs)
        for nodes in reversed(self._segments):
            cut = [node for node in nodes if keep_inputs and node.outputs[0].name in self._cuts]
            needed.append(later | _inputs_of(cut))
            later = later | _inputs_of(nodes)
        return needed[::-1]

    def _open(self, alive: Tensors, wanted: list[str]) -> ort.InferenceSession:
        """A session from the tensors alive to those wanted."""
        graph = ir.convenience.extract(self._model.graph, list(alive), wanted)
        for value in list(graph.inputs):
            if not value.uses():
                graph.inputs.remove(value)
                continue
            array = alive[str(value.name)]
            value.dtype = ir.DataType.from_numpy(array.dtype)
            value.shape = ir.Shape([None] * array.ndim)
        piece = ir.to_proto(ir.Model(graph, ir_version=self._model.ir_version))
        options = session_options(optimize=False, arena=False)
        return ort.InferenceSession(piece.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _split(graph: ir.Graph, cuts: set[str]) -> list[list[ir.Node]]:
    """The nodes in segments, each but the last ending in a cut; what depends on no picture is part of none."""
    constants: set[ir.Value] = set()
    segments: list[list[ir.Node]] = [[]]
    for node in graph:
        if node.inputs and all(v is None or v.is_initializer() or v in constants for v in node.inputs):
            constants.update(node.outputs)  # dequantized weights
            continue
        segments[-1].append(node)
        if node.outputs[0].name in cuts:
            segments.append([])
    return [segment for segment in segments if segment]


def _inputs_of(nodes: list[ir.Node]) -> set[str]:
    return {str(value.name) for node in nodes for value in node.inputs if value is not None}


def _in_pieces(session: ort.InferenceSession, wanted: list[str], alive: Tensors) -> Tensors:
    """Run all pictures through a session, a few at a time, and collect the tensors of all of them."""
    names = [entry.name for entry in session.get_inputs()]
    count = len(alive[names[0]]) if names else 0
    found: Tensors = {}
    for start in range(0, count, PIECE):
        parts = session.run(wanted, {name: alive[name][start : start + PIECE] for name in names})
        for name, part in zip(wanted, parts, strict=True):
            if name not in found:
                found[name] = np.empty((count, *part.shape[1:]), part.dtype)
            found[name][start : start + PIECE] = part
    return found
