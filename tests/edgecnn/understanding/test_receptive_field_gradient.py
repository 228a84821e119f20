"""The algebra equals the extent of the input gradient, on random networks."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the gradient needs torch")
pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

from edgecnn.understanding.inspecting import Graph, layers_of  # noqa: E402

SIZE = 97
Step = Callable[[Any, str, Any], tuple[str, Any]]


@st.composite
def window(draw: st.DrawFn, *, keeps_size: bool) -> Step:
    """A convolution, or a pooling, with its own kernel, stride, dilation and padding for each side."""
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    dilation = (1, 1) if draw(st.booleans()) else (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if keeps_size:
        stride = (1, 1)
        begin = [draw(st.integers(0, r)) for r in reach]
        end = [r - b for r, b in zip(reach, begin, strict=True)]
    else:
        stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        begin = [draw(st.integers(0, 2)) for _ in reach]
        end = [draw(st.integers(0, 2)) for _ in reach]

    def step(builder: Any, name: str, x: Any) -> tuple[str, Any]:
        name = builder.conv(name, kernel, stride=stride, dilation=dilation, pads=(*begin, *end))
        x = torch.nn.functional.pad(x, (begin[1], end[1], begin[0], end[0]))
        weight = torch.ones(1, 1, *kernel, dtype=torch.float64)
        return name, torch.nn.functional.conv2d(x, weight, stride=stride, dilation=dilation)

    return step


@st.composite
def branches(draw: st.DrawFn) -> Step:
    """Residual addition or joined channels of two to three branches, one of which may be a shortcut."""
    paths = draw(st.lists(st.lists(window(keeps_size=True), max_size=2), min_size=2, max_size=3))
    joined = draw(st.booleans())

    def step(builder: Any, name: str, x: Any) -> tuple[str, Any]:
        ends = []
        for path in paths:
            end, value = name, x
            for part in path:
                end, value = part(builder, end, value)
            ends.append((end, value))
        if joined:
            name = builder.add("Concat", *(end for end, _ in ends), axis=1)
            total = torch.cat([value for _, value in ends], 1)
            name = builder.conv(name, (1, 1), channels=(len(ends), 1))
            return name, total.sum(1, keepdim=True)
        name, x = ends[0]
        for end, value in ends[1:]:
            name, x = builder.add("Add", name, end), x + value
        return name, x

    return step


@st.composite
def pooling(draw: st.DrawFn) -> Step:
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 2))

    def step(builder: Any, name: str, x: Any) -> tuple[str, Any]:
        return builder.pool("AveragePool", name, kernel, stride), torch.nn.functional.avg_pool2d(x, kernel, stride)

    return step


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.one_of(window(keeps_size=False), branches(), pooling()), min_size=1, max_size=5))
def test_the_algebra_equals_the_extent_of_the_input_gradient(builder: Any, steps: list[Step]):
    graph = builder(size=(SIZE, SIZE))
    x = picture = torch.ones(1, 1, SIZE, SIZE, dtype=torch.float64, requires_grad=True)
    name = "x"
    for step in steps:
        if min(x.shape[2:]) < 16:  # a window may not be larger than what it slides over
            break
        name, x = step(graph, name, x)
    layer = next(row for row in layers_of(Graph(graph.model(name))) if row.tensor == name)
    middle = [size // 2 for size in x.shape[2:]]
    x[0, 0, middle[0], middle[1]].backward()
    touched = picture.grad[0, 0] != 0
    for axis, seen in ((0, touched.any(1)), (1, touched.any(0))):
        pixels = seen.nonzero().ravel()
        low, high = layer.axes[axis].span(middle[axis])
        if low >= 0 and high < SIZE:
            assert (int(pixels.min()), int(pixels.max())) == (low, high)
        else:  # cut by the edge, and by holes of dilated windows there
            assert int(pixels.min()) >= low
            assert int(pixels.max()) <= high
