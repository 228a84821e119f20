"""Tiny ONNX graphs in memory, every weight one."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

with contextlib.suppress(ImportError):  # without onnx the tests that build graphs skip themselves
    from onnx import TensorProto, helper, numpy_helper


@dataclass
class Builder:
    """Collects nodes; every method gives the name of its result."""

    channels: int = 1
    size: tuple[Any, Any] = (97, 97)
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def conv(
        self,
        source: str,
        kernel: Sequence[int],
        *,
        stride: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        pads: Sequence[int] = (0, 0, 0, 0),
        channels: tuple[int, int] = (1, 1),
    ) -> str:
        weight = self.constant(np.ones((channels[1], channels[0], *kernel), np.float32))
        return self.add("Conv", source, weight, strides=list(stride), dilations=list(dilation), pads=list(pads))

    def pool(self, operator: str, source: str, kernel: int, stride: int, pads: Sequence[int] = (0, 0, 0, 0)) -> str:
        return self.add(operator, source, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=list(pads))

    def model(self, output: str) -> Any:
        shape = [1, self.channels, *self.size]
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="session")
def builder() -> type[Builder]:
    """The class that builds tiny graphs."""
    return Builder
