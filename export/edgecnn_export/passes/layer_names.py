"""Name nodes and tensors by their layer, and drop the exporter's notes, which hold paths of the author's machine."""

import onnx_ir as ir
from onnx_ir.passes.common import ClearMetadataAndDocStringPass

__all__ = ["name_by_layer", "unique_name"]

_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm")


def name_by_layer(model: ir.Model) -> None:
    """Rename in place: `layer1.0.conv1` for layers with weights and what they give, `layer1.0/Add` for the rest."""
    graph = model.graph
    kept = {*graph.inputs, *graph.outputs}
    taken = {value.name or "" for value in kept}
    layers = [(node, _layer_name(node)) for node in graph]
    values = list(graph.initializers.values())
    names = [unique_name((value.name or "").removeprefix("module."), taken) for value in values]
    for node, layer in layers:
        node.name = unique_name(layer, taken)
        for index, output in enumerate(node.outputs):
            if output not in kept:
                values.append(output)
                names.append(node.name if index == 0 else unique_name(f"{node.name}:{index}", taken))
    ir.convenience.rename_values(values, names)
    ClearMetadataAndDocStringPass()(model)
    for value in (*values, *kept):
        value.metadata_props.clear()
        value.doc_string = None
    graph.name = "edgecnn"


def unique_name(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken; it is taken from then on."""
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}.{count}" if "/" not in name else f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _layer_name(node: ir.Node) -> str:
    weights = node.inputs[1] if len(node.inputs) > 1 else None
    name = (weights.name or "") if weights is not None else ""
    if node.op_type in _WITH_WEIGHTS and name.endswith(".weight"):
        return name.removeprefix("module.").removesuffix(".weight")
    path = node.metadata_props.get("namespace", "").split("/")
    scopes = [part.split(":")[0].strip() for part in path[:-1]]
    scope = next((s for s in reversed(scopes) if s.startswith("module.")), "").removeprefix("module.")
    return f"{scope}/{node.op_type}" if scope else node.op_type
