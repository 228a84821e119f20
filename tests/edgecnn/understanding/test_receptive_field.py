"""Receptive fields: worked examples, what must be unknown, and the published figures of GoogLeNet."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

from edgecnn.understanding.inspecting import Graph, InspectedLayer, layers_of


def rows(graph: Any, output: str) -> dict[str, InspectedLayer]:
    return {layer.name: layer for layer in layers_of(Graph(graph.model(output)))}


def figures(layer: InspectedLayer) -> tuple[object, object, object]:
    row = layer.to_dict()
    return row["receptive_field"], row["jump"], row["offset"]


def test_stride_two_followed_by_three_sees_seven(builder: Any):
    b = builder()
    first = b.conv("x", (3, 3), stride=(2, 2))
    second = b.conv(first, (3, 3))
    found = rows(b, second)
    assert figures(found[first]) == (3, 2, 1.0)
    assert figures(found[second]) == (7, 2, 3.0)


def test_asymmetric_padding_moves_the_offset_only(builder: Any):
    b = builder()
    even = b.conv("x", (3, 3), pads=(1, 1, 1, 1))
    late = b.conv("x", (3, 3), pads=(0, 0, 2, 2))
    total = b.add("Add", even, late)
    found = rows(b, total)
    assert figures(found[even]) == (3, 1, 0.0)
    assert figures(found[late]) == (3, 1, 1.0)
    assert figures(found[total]) == (4, 1, 0.5)  # pixels -1 to 2


def test_height_and_width_are_told_apart(builder: Any):
    b = builder()
    wide = b.conv("x", (1, 7), stride=(1, 2), pads=(0, 3, 0, 3))
    assert figures(rows(b, wide)[wide]) == ([1, 7], [1, 2], 0.0)


def test_same_padding_is_worked_out_from_the_size(builder: Any):
    b = builder(size=(8, 8))
    node = b.add("Conv", "x", b.constant(np.ones((1, 1, 3, 3), np.float32)), auto_pad="SAME_UPPER", strides=[2, 2])
    layer = rows(b, node)[node]
    assert layer.padding == (0, 0, 1, 1)
    assert figures(layer) == (3, 2, 1.0)


def test_slices_pads_and_transposes_are_followed(builder: Any):
    b = builder()
    padded = b.add("Pad", "x", b.constant(np.array([0, 0, 2, 0, 0, 0, 0, 0])))
    sliced = b.add("Slice", padded, b.constant([5]), b.constant([95]), b.constant([2]), b.constant([3]))
    turned = b.add("Transpose", sliced, perm=[0, 1, 3, 2])
    window = b.conv(turned, (3, 1))
    found = rows(b, window)
    assert figures(found[padded]) == (1, 1, [-2.0, 0.0])
    assert figures(found[sliced]) == (1, [3, 1], [3.0, 0.0])
    assert figures(found[window]) == ([1, 3], [3, 1], [3.0, 1.0])


def test_global_pooling_and_squeeze_excite_see_everything(builder: Any):
    b = builder()
    conv = b.conv("x", (3, 3))
    pooled = b.add("GlobalAveragePool", conv)
    scaled = b.add("Mul", conv, pooled)
    found = rows(b, scaled)
    assert found[conv].to_dict()["receptive_field"] == 3
    for name in (pooled, scaled):
        assert figures(found[name]) == ("global", None, None)


def test_a_flattened_map_is_global_only_after_the_linear_layer(builder: Any):
    b = builder(size=(9, 9))
    conv = b.conv("x", (3, 3))
    flat = b.add("Flatten", conv)
    linear = b.add("Gemm", flat, b.constant(np.ones((49, 2), np.float32)))
    found = rows(b, linear)
    assert found[flat].to_dict()["receptive_field"] == 3
    assert found[linear].sees_all


def test_a_single_position_that_covers_the_picture_is_global(builder: Any):
    b = builder(size=(5, 5))
    pooled = b.pool("AveragePool", "x", 5, 1)
    assert rows(b, pooled)[pooled].sees_all


def test_channel_shuffle_keeps_the_field(builder: Any):
    b = builder(channels=4, size=(8, 8))
    conv = b.conv("x", (3, 3), channels=(4, 4), pads=(1, 1, 1, 1))
    split = b.add("Reshape", conv, b.constant(np.array([1, 2, 2, 8, 8])))
    swapped = b.add("Transpose", split, perm=[0, 2, 1, 3, 4])
    joined = b.add("Reshape", swapped, b.constant(np.array([1, 4, 8, 8])))
    after = b.conv(joined, (3, 3), channels=(4, 4))
    assert figures(rows(b, after)[after]) == (5, 1, 1.0)


@pytest.mark.parametrize("case", ["window_partition", "resize", "different_strides", "custom"])
def test_what_cannot_be_told_is_unknown_from_there(builder: Any, case: str):
    b = builder(size=(8, 8))
    conv = b.conv("x", (3, 3), pads=(1, 1, 1, 1))
    if case == "window_partition":
        lost = b.add("Reshape", conv, b.constant(np.array([1, 1, 2, 4, 8])))
    elif case == "resize":
        lost = b.add("Resize", conv, "", b.constant(np.array([1, 1, 2, 2], np.float32)))
    elif case == "different_strides":
        lost = b.add("Add", conv, b.pool("MaxPool", b.add("Pad", conv, b.constant([0, 0, 0, 0, 0, 0, 8, 8])), 2, 2))
    else:
        lost = b.add("NonMaxSuppressionOfMyOwn", conv)
    after = b.add("Relu", lost)
    found = rows(b, after)
    assert figures(found[conv]) == (3, 1, 0.0)
    assert figures(found[after]) == (None, None, None)
    assert lost in found[after].unknown_since


def test_free_sizes_still_have_receptive_fields(builder: Any):
    b = builder(size=("height", "width"))
    conv = b.conv("x", (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    pooled = b.add("GlobalAveragePool", conv)
    found = rows(b, pooled)
    assert figures(found[conv]) == (3, 2, 0.0)
    assert found[conv].macs is None
    assert found[pooled].sees_all


def inception(b: Any, source: str, five: int = 5) -> tuple[str, str]:
    """Module of "Going deeper with convolutions": 1×1; 1×1, 3×3; 1×1, 5×5; 3×3 max pooling, 1×1."""
    ones = (0, 0, 0, 0)
    first = b.conv(source, (1, 1), pads=ones)
    second = b.conv(b.conv(source, (1, 1)), (3, 3), pads=(1,) * 4)
    third = b.conv(b.conv(source, (1, 1)), (five, five), pads=(five // 2,) * 4)
    fourth = b.conv(b.pool("MaxPool", source, 3, 1, (1,) * 4), (1, 1))
    return b.add("Concat", first, second, third, fourth, axis=1), first


def test_googlenet_of_the_paper_has_the_published_receptive_fields(builder: Any):
    """59, 171, 587 with jumps 8, 16, 32: Araujo et al. 2019, table of architectures, inception 3a, 4a, 5a outputs."""
    b = builder(size=(224, 224))
    x = b.conv("x", (7, 7), stride=(2, 2), pads=(3,) * 4)
    x = b.pool("MaxPool", x, 3, 2, (0, 0, 1, 1))
    x = b.conv(b.conv(x, (1, 1)), (3, 3), pads=(1,) * 4)
    x = b.pool("MaxPool", x, 3, 2, (0, 0, 1, 1))
    published = []
    for count in (2, 5, 2):
        for index in range(count):
            # channel counts do not matter for what is seen, so the joined maps are brought back to one channel
            x, _ = inception(b, x)
            if index == 0:
                published.append(x)
            x = b.add("ReduceMean", x, b.constant(np.array([1])), keepdims=1)
        x = b.pool("MaxPool", x, 3, 2, (0, 0, 1, 1))
    found = rows(b, x)
    assert [figures(found[name])[:2] for name in published] == [(59, 8), (171, 16), (587, 32)]
