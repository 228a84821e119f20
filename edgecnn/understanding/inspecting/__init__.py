"""`edgecnn inspect`: layers, shapes, costs and receptive fields of a whole network."""

from edgecnn_runtime.profile import NodeTime, profile

from edgecnn.understanding.inspecting.inspected_layer import InspectedLayer, layers_of
from edgecnn.understanding.inspecting.inspection import Inspection, inspect, inspect_graph
from edgecnn.understanding.inspecting.onnx_graph import Graph
from edgecnn.understanding.inspecting.page import OperatorTime, inspect_page, time_by_operator
from edgecnn.understanding.inspecting.stored import readable_tensor, weight_values
from edgecnn.understanding.inspecting.table import layer_table

__all__ = [
    "Graph",
    "InspectedLayer",
    "Inspection",
    "NodeTime",
    "OperatorTime",
    "inspect",
    "inspect_graph",
    "inspect_page",
    "layer_table",
    "layers_of",
    "profile",
    "readable_tensor",
    "time_by_operator",
    "weight_values",
]
