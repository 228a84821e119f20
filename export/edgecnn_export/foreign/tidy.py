"""Names, constants and inputs as every later step expects them; no value changes."""

import onnx_ir as ir
from onnx_ir.passes.common import (
    ClearMetadataAndDocStringPass,
    IdentityEliminationPass,
    LiftConstantsToInitializersPass,
    LiftSubgraphInitializersToMainGraphPass,
    NameFixPass,
    RemoveInitializersFromInputsPass,
    RemoveUnusedNodesPass,
    RemoveUnusedOpsetsPass,
)

__all__ = ["tidy"]


class _Names:
    """Names for what has none, or another's: an operator's own."""

    def generate_node_name(self, node: ir.Node) -> str:
        return node.name or node.op_type

    def generate_value_name(self, value: ir.Value) -> str:
        node = value.producer()
        return value.name or (f"{node.name or node.op_type}_out" if node is not None else "value")


def tidy(model: ir.Model, outputs: list[str] | None = None) -> None:
    """Constants become initializers, initializers no inputs, every node and tensor has a name of its own.

    Args:
        model: Changed in place.
        outputs: Names of the tensors that come out afterwards; None leaves the outputs as they are.
    """
    graph = model.graph
    for inner in model.graphs():  # an empty name means that an optional output is not made; it is nobody's name
        for node in inner:
            node.name = node.name or None
    if outputs is not None:
        made = {str(v.name): v for v in (*(v for node in graph for v in node.outputs), *graph.outputs)}
        graph.outputs[:] = [made[name] for name in outputs]
    # In a body an Identity may stand between a tensor from outside and the body's output, where ONNX wants one.
    plain = all(inner is graph for inner in model.graphs())
    for a_pass in (
        *([IdentityEliminationPass()] if plain else []),
        RemoveInitializersFromInputsPass(),
        LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        LiftSubgraphInitializersToMainGraphPass(),
        RemoveUnusedNodesPass(),
        NameFixPass(_Names()),
        RemoveUnusedOpsetsPass(),
        ClearMetadataAndDocStringPass(),
    ):
        a_pass(model)
    model.metadata_props.clear()
