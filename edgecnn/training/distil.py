"""Knowledge distillation: a small network learns what a larger one answers to the same varied pictures.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015, https://arxiv.org/abs/1503.02531).
Teacher and student see the very same view of a picture, which is what makes long training pay (Beyer and others,
"Knowledge distillation: A good teacher is patient and consistent", 2022, https://arxiv.org/abs/2106.05237).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.preprocess import Preprocess
from torch import Tensor, nn

from edgecnn.data.dataset import DataSet
from edgecnn.training import run_folder
from edgecnn.training.batches import Normalise

__all__ = ["Teacher", "load_teacher"]

TEMPERATURE = 2.0


@dataclass(frozen=True)
class Teacher:
    """A trained network that another one learns from.

    Attributes:
        module: In evaluation mode, on the device of the training.
        normalise: From pixels to its input.
        name: The run it comes from.
        weights_sha256: Which weights it has; a run that is resumed must have the same.
    """

    module: nn.Module
    normalise: Normalise
    name: str
    weights_sha256: str

    def losses(self, logits: Tensor, pixels: Tensor) -> Tensor:
        """Kullback-Leibler divergences `(N,)` of a student's answers from this network's, softened by `TEMPERATURE`.

        Args:
            logits: The student's, `(N, classes)` float32.
            pixels: `(N, H, W, C)` uint8, what the student saw, on the device of the training.
        """
        with torch.no_grad():
            wanted = self.module(self.normalise(pixels)).float() / TEMPERATURE
        answers = nn.functional.log_softmax(logits / TEMPERATURE, dim=1)
        divergence = nn.functional.kl_div(
            answers, nn.functional.log_softmax(wanted, dim=1), log_target=True, reduction="none"
        )
        return divergence.sum(1) * TEMPERATURE**2  # keeps gradients as large as without softening (Hinton, section 2)


def load_teacher(path: Path, data: DataSet, device: torch.device) -> Teacher:
    """The network of a run folder as a teacher for the classes and pictures of a data set.

    Raises:
        DataError: No finished run, or one with other classes or other pictures.
    """
    network = run_folder.load_run(path)
    if network.labels != data.labels:
        raise DataError(
            f"The teacher {path} knows {_some(network.labels)}, the data has {_some(data.labels)}; "
            f"give a run that was trained on the same classes."
        )
    if (network.preprocess, network.channels) != (data.preprocess, data.channels):
        raise DataError(
            f"The teacher {path} takes pictures of {_form(network.preprocess, network.channels)}, the student "
            f"{_form(data.preprocess, data.channels)}; both must see the same."
        )
    module = network.module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    normalise = Normalise.of(network)
    name, weights = path.resolve().name, run_folder.hash_weights(path)
    return Teacher(module.eval().requires_grad_(False), normalise, name, weights)


def _some(labels: tuple[str, ...]) -> str:
    return f"{len(labels)} classes ({', '.join(labels[:3])}{', …' if len(labels) > 3 else ''})"


def _form(preprocess: Preprocess, channels: int) -> str:
    kind = "grey" if channels == 1 else "RGB"
    return f"{preprocess.height}×{preprocess.width} {kind} pixels ({preprocess.resize}, {preprocess.kernel})"
