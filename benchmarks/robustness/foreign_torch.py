"""The same classifier as `torch.onnx` writes it, by the tracer and by dynamo."""

import io
import warnings
from typing import Any

import numpy as np
import onnx

__all__ = ["MAKERS", "export_with_torch"]

MAKERS = ("helper", "torch", "torch dynamo")
_TAILS = ("none", "softmax", "log", "sigmoid")


def export_with_torch(
    parameters: dict[str, np.ndarray], *, maker: str, tail: str, batch: str | int | None, opset: int, size: int
) -> onnx.ModelProto:
    """Export the network with a batch that is free (a name or None) or fixed.

    Raises:
        ValueError: the tail is none that a PyTorch module would have here.
    """
    if tail not in _TAILS:
        raise ValueError(f"no module ends in {tail}")
    import torch

    module = _module(parameters, tail).eval()
    example = torch.zeros(batch if isinstance(batch, int) else 2, parameters["kernel"].shape[1], size, size)
    free = not isinstance(batch, int)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if maker == "torch dynamo":
            shapes = ({0: torch.export.Dim("batch")},) if free else None
            program = torch.onnx.export(module, (example,), dynamo=True, dynamic_shapes=shapes, opset_version=opset,
                                        input_names=["input"], verbose=False)  # fmt: skip
            if program is None:
                raise ValueError("dynamo gives nothing")
            return program.model_proto
        torch.onnx.export(module, (example,), buffer, dynamo=False, opset_version=opset, input_names=["input"],
                          dynamic_axes={"input": {0: str(batch or "batch")}} if free else None)  # fmt: skip
    return onnx.load_model_from_string(buffer.getvalue())


def _module(parameters: dict[str, np.ndarray], tail: str) -> Any:
    import torch
    from torch import nn

    width, channels = parameters["kernel"].shape[:2]
    ends = {"softmax": [nn.Softmax(dim=1)], "log": [nn.LogSoftmax(dim=1)], "sigmoid": [nn.Sigmoid()]}
    module = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, len(parameters["offset"])), *ends.get(tail, []),
    )  # fmt: skip
    names = ("kernel", "bias", "kernel2", "bias2", "weights", "offset")
    with torch.no_grad():
        for weight, name in zip(module.parameters(), names, strict=True):
            weight.copy_(torch.from_numpy(parameters[name]))
    return module
