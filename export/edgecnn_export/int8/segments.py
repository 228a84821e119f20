"""Run a network piece by piece, so that what happens inside a layer can be changed between the pieces."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
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
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        cuts: Mapping[str, Callable[[Tensors], NDArray[np.float32]]],
        *,
        keep_inputs: bool = True,
    ) -> None:
        """Cut `model` after each tensor named in `cuts`.

        Args:
            model: The network, nodes in topological order.
            cuts: Tensor name to a function that gets the tensors alive at that point and returns the new value.
            keep_inputs: Whether the inputs of the node that makes a cut's tensor are alive for its function.
        """
        self._model = model
        self._cuts = dict(cuts)
        self._keep_inputs = keep_inputs
        self._initializers = {t.name: t for t in model.graph.initializer}
        self._constant_nodes = self._find_constant_nodes()
        self._segments = self._split()
        self._sessions: dict[int, ort.InferenceSession] = {}
        self._outputs = [o.name for o in model.graph.output]
        self._needed = self._needed_after()

    def run(self, pixels: NDArray[np.uint8]) -> Tensors:
        """Run `(N, H, W, 3)` uint8 pixels through the network and return its outputs by name."""
        alive: Tensors = {self._model.graph.input[0].name: pixels}
        for i, nodes in enumerate(self._segments):
            made = {o for n in nodes for o in n.output}
            wanted = sorted((made & self._needed[i]) | (made & self._cuts.keys()))
            session = self._sessions.get(i)
            if session is None:
                session = self._sessions[i] = self._build(nodes, alive, wanted)
            alive.update(_in_pieces(session, wanted, alive))
            for name in made & self._cuts.keys():
                alive[name] = self._cuts[name](alive)
            alive = {name: value for name, value in alive.items() if name in self._needed[i]}
        return {name: alive[name] for name in self._outputs}

    def _find_constant_nodes(self) -> dict[str, onnx.NodeProto]:
        """Map tensors that come from initializers alone (dequantized weights) to the nodes that make them."""
        found: dict[str, onnx.NodeProto] = {}
        for node in self._model.graph.node:
            if node.input and all(not i or i in self._initializers or i in found for i in node.input):
                found.update(dict.fromkeys(node.output, node))
        return found

    def _split(self) -> list[list[onnx.NodeProto]]:
        segments: list[list[onnx.NodeProto]] = [[]]
        for node in self._model.graph.node:
            if node.output[0] in self._constant_nodes:
                continue
            segments[-1].append(node)
            if node.output[0] in self._cuts:
                segments.append([])
        return [s for s in segments if s]

    def _needed_after(self) -> list[set[str]]:
        """For each segment the tensors that later segments or the caller read, and those that its own cut reads."""
        needed: list[set[str]] = []
        later = set(self._outputs)
        for nodes in reversed(self._segments):
            own = {i for n in nodes if n.output[0] in self._cuts for i in n.input if self._keep_inputs}
            needed.append(later | own)
            later = later | {i for n in nodes for i in n.input}
        return needed[::-1]

    def _build(self, nodes: list[onnx.NodeProto], alive: Tensors, wanted: list[str]) -> ort.InferenceSession:
        helpers: dict[str, onnx.NodeProto] = {}
        for node in nodes:
            self._pull_constants(node, helpers)
        everything = [*helpers.values(), *nodes]
        made = {o for n in everything for o in n.output}
        read = [i for n in everything for i in n.input if i]
        graph = onnx.helper.make_graph(
            everything,
            "segment",
            [
                onnx.helper.make_tensor_value_info(
                    i, onnx.helper.np_dtype_to_tensor_dtype(alive[i].dtype), [None] * alive[i].ndim
                )
                for i in dict.fromkeys(read)
                if i not in made and i not in self._initializers
            ],
            [onnx.ValueInfoProto(name=name) for name in wanted],
            [self._initializers[i] for i in dict.fromkeys(read) if i in self._initializers],
        )
        piece = onnx.helper.make_model(graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version)
        options = session_options(optimize=False, arena=False)
        return ort.InferenceSession(piece.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def _pull_constants(self, node: onnx.NodeProto, helpers: dict[str, onnx.NodeProto]) -> None:
        for name in node.input:
            maker = self._constant_nodes.get(name)
            if maker is not None and maker.output[0] not in helpers:
                self._pull_constants(maker, helpers)
                helpers[maker.output[0]] = maker


def _in_pieces(session: ort.InferenceSession, wanted: list[str], alive: Tensors) -> Tensors:
    """Run all pictures through `session`, a few at a time, and return the tensors `wanted` of all of them."""
    names = [x.name for x in session.get_inputs()]
    count = len(alive[names[0]]) if names else 0
    found: Tensors = {}
    for start in range(0, count, PIECE):
        parts = session.run(wanted, {name: alive[name][start : start + PIECE] for name in names})
        for name, part in zip(wanted, parts, strict=True):
            if name not in found:
                found[name] = np.empty((count, *part.shape[1:]), part.dtype)
            found[name][start : start + PIECE] = part
    return found
