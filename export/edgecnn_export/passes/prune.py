"""Take out of an ONNX graph what nobody reads."""

import onnx

__all__ = ["drop_unread"]


def drop_unread(model: onnx.ModelProto) -> None:
    """Remove, in place, nodes and initializers whose results nobody reads."""
    while True:
        read = {i for n in model.graph.node for i in n.input} | {o.name for o in model.graph.output}
        unread = [n for n in model.graph.node if not any(o in read for o in n.output)]
        if not unread:
            break
        for node in unread:
            model.graph.node.remove(node)
    for tensor in [t for t in model.graph.initializer if t.name not in read]:
        model.graph.initializer.remove(tensor)
