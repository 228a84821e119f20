"""`edgecnn explain`: why the network said so."""

from edgecnn.understanding.explaining.comparison import Comparison, compare
from edgecnn.understanding.explaining.explanation import ClassMap, Explanation, explain
from edgecnn.understanding.explaining.first_layer import sobel_edges
from edgecnn.understanding.explaining.occlusion import occlusion_map
from edgecnn.understanding.explaining.page import explain_page
from edgecnn.understanding.explaining.painting import blended, filter_picture, seen_by, sheet

__all__ = [
    "ClassMap",
    "Comparison",
    "Explanation",
    "blended",
    "compare",
    "explain",
    "explain_page",
    "filter_picture",
    "occlusion_map",
    "seen_by",
    "sheet",
    "sobel_edges",
]
