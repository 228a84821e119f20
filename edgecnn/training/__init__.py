"""Train a network: `train("cifar10", "edge_cnn_nano", folder="runs/first")` leaves a folder that `export` takes."""

from edgecnn_runtime.errors import MissingPackageError

try:
    from edgecnn.training.execute import DEFAULT_NETWORK, train
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("torch", "safetensors", "edgecnn_export"):
        raise
    raise MissingPackageError(error.name or "torch", extra="train") from error
from edgecnn.training.listener import Listener, Outcome, TrainingPlan
from edgecnn.training.loop import DivergedError
from edgecnn.training.normalize import normalization_of
from edgecnn.training.predict import Predictions, predict
from edgecnn.training.train_options import DataRequest, TrainOptions, Transfer

__all__ = [
    "DEFAULT_NETWORK",
    "DataRequest",
    "DivergedError",
    "Listener",
    "Outcome",
    "Predictions",
    "TrainOptions",
    "TrainingPlan",
    "Transfer",
    "normalization_of",
    "predict",
    "train",
]
