"""`edgecnn dream`: the picture that activates a channel or a class most."""

from edgecnn_runtime.errors import MissingPackageError

try:
    from edgecnn.understanding.dreaming.objective import layer_names
    from edgecnn.understanding.dreaming.page import dream_page, dream_sheet
    from edgecnn.understanding.dreaming.painting import Dream, activations, dream
except ImportError as error:
    raise MissingPackageError("torch", extra="train") from error

__all__ = ["Dream", "activations", "dream", "dream_page", "dream_sheet", "layer_names"]
