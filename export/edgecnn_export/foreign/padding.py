"""Padding by rule (`SAME_UPPER`, as TensorFlow's converters write it) as numbers, which int8's forecasts read."""

import onnx_ir as ir

__all__ = ["explicit_padding"]

_OPERATORS = ("Conv", "MaxPool", "AveragePool")


def explicit_padding(model: ir.Model) -> None:
    """Replace `auto_pad` in place wherever the input's height and width are known."""
    for node in model.graph:
        rule = node.attributes.get_string("auto_pad", "NOTSET") if node.op_type in _OPERATORS else "NOTSET"
        if rule == "NOTSET":
            continue
        kernel, sides = _kernel(node), _sides(node)
        if rule == "VALID":
            pads: list[int] | None = [0] * 4
        elif kernel is None or sides is None:
            pads = None
        else:
            pads = _same(node, sides, kernel, upper=rule == "SAME_UPPER")
        if pads is not None:
            node.attributes.pop("auto_pad")
            node.attributes.add(ir.AttrInt64s("pads", pads))


def _same(node: ir.Node, sides: list[int], kernel: list[int], *, upper: bool) -> list[int]:
    strides, dilations = (list(node.attributes.get_ints(name, [1, 1])) for name in ("strides", "dilations"))
    before, after = [], []
    for side, size, stride, dilation in zip(sides, kernel, strides, dilations, strict=True):
        total = max(0, (-(-side // stride) - 1) * stride + (size - 1) * dilation + 1 - side)
        small, large = total // 2, total - total // 2
        before.append(small if upper else large)
        after.append(large if upper else small)
    return [*before, *after]


def _kernel(node: ir.Node) -> list[int] | None:
    given = node.attributes.get_ints("kernel_shape", None)
    if given is not None:
        return list(given)
    weights = node.inputs[1] if len(node.inputs) > 1 else None
    shape = weights.shape if weights is not None else None
    return [size for size in shape[2:] if isinstance(size, int)] if shape is not None else None


def _sides(node: ir.Node) -> list[int] | None:
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    sides = [size for size in shape[2:] if isinstance(size, int)] if shape is not None else []
    return sides if len(sides) == 2 else None
