"""An int8 network and how it came about: what the ladder gives and reports show."""

from dataclasses import dataclass
from typing import Any

import onnx

from edgecnn_export.int8.layer_table import LayerRow
from edgecnn_export.int8.saturation import Forecast
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["LadderStep", "QuantizedModel"]


@dataclass(frozen=True)
class LadderStep:
    """One thing that was tried.

    Attributes:
        name: What it is.
        logit_error: Norm of the logits' change against the float network, relative to their norm.
        agreement: Share of the held-out pictures with the float network's label, 0..1.
        kept: Whether it stayed.
        reason: Why, in a few words.
    """

    name: str
    logit_error: float
    agreement: float
    kept: bool
    reason: str


@dataclass(frozen=True)
class QuantizedModel:
    """An int8 network, and how it came about.

    Attributes:
        model: QDQ network, inputs and outputs as in the float one.
        steps: What was tried, in order.
        layers: A row a layer: bits, SQNR, saturation.
        forecast_before: What a CPU without VNNI would have made of it before saturation was prevented.
        forecast: What it makes of `model`.
        excluded: Nodes that stay in float because they hurt too much.
        unquantized: Operators of the network that have no int8 kernel and stay in float, with their counts.
        held_out: Calibration pictures that the steps were compared on.
        calibration: Source, count and digest of the calibration pictures, and the warnings about them.
    """

    model: onnx.ModelProto
    steps: tuple[LadderStep, ...]
    layers: tuple[LayerRow, ...]
    forecast_before: Forecast
    forecast: Forecast
    excluded: tuple[str, ...]
    unquantized: dict[str, int]
    held_out: PreparedPictures
    calibration: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """What belongs into the model file's card under `precision`, ready for JSON."""
        return {
            "kind": "int8",
            "method": "; ".join(step.name for step in self.steps if step.kept),
            "calibration": self.calibration,
            "saturation": {
                "possible": self.forecast.possible,
                "before": round(self.forecast_before.logit_error, 6),
                "after": round(self.forecast.logit_error, 6),
                "cured": [layer.name for layer in self.forecast_before.saturating],
            },
            "float_layers": list(self.excluded),
        }
