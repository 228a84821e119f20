"""Knowledge distillation: a small network learns what a larger one answers to the same varied pictures.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015, https://arxiv.org/abs/1503.02531).
Teacher and student see the very same view of a picture, which is what makes long training pay (Beyer and others,
"Knowledge distillation: A good teacher is patient and consistent", 2022, https://arxiv.org/abs/2106.05237).
So that patience is cheap, the views of some epochs come again (`Recipe.repeat`), and the answers to them are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess
from torch import Tensor, nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.batches import Batch
from edgecnn.training.normalize import normalization_of, normalize
from edgecnn.zoo.run_record import TeacherRecord
from edgecnn.zoo.runs import hash_weights, load_run

__all__ = ["Teacher", "TeacherLogits", "divergences", "load_teacher"]

TEMPERATURE = 2.0


@dataclass(frozen=True)
class Teacher:
    """A trained network that another one learns from.

    Attributes:
        module: In evaluation mode, on the device of the training.
        normalization: From pixels to its input.
        record: Which run it is; one that is resumed must have the same teacher.
    """

    module: nn.Module
    normalization: Normalization
    record: TeacherRecord

    def answer(self, pixels: Tensor) -> Tensor:
        """Logits `(N, classes)` float32 for pixels `(N, H, W, C)` uint8 on the device of the training."""
        with torch.no_grad():
            logits: Tensor = self.module(normalize(pixels, self.normalization)).float()
        return logits


class TeacherLogits:
    """What a teacher answers to the batches of a run; where batches come again, it is asked once.

    Kept as float16 in the computer's memory: 2 bytes for each class, picture and epoch that is no repetition. A run
    that is resumed asks again and gets the same.

    Args:
        teacher: Who answers.
        keep: Whether batches come again (`Recipe.repeat`).
    """

    def __init__(self, teacher: Teacher, *, keep: bool) -> None:
        self._teacher = teacher
        self._keep = keep
        self._kept: dict[tuple[int, int], Tensor] = {}

    def __call__(self, batch: Batch, pixels: Tensor) -> Tensor:
        """Logits `(n, classes)` float32 for a batch, whose `pixels` are on the device of the training."""
        if not self._keep:
            return self._teacher.answer(pixels)
        if batch.source not in self._kept:
            self._kept[batch.source] = self._teacher.answer(pixels).half().cpu()
        return self._kept[batch.source].to(pixels.device).float()


def divergences(logits: Tensor, wanted: Tensor) -> Tensor:
    """Kullback-Leibler divergences `(N,)` of a student's answers from its teacher's, both softened by `TEMPERATURE`.

    Args:
        logits: The student's, `(N, classes)` float32.
        wanted: The teacher's, likewise.
    """
    student = nn.functional.log_softmax(logits / TEMPERATURE, dim=1)
    teacher = nn.functional.log_softmax(wanted / TEMPERATURE, dim=1)
    divergence = nn.functional.kl_div(student, teacher, log_target=True, reduction="none")
    return divergence.sum(1) * TEMPERATURE**2  # keeps gradients as large as without softening (Hinton, section 2)


def load_teacher(path: Path, data: DataSet, device: torch.device) -> Teacher:
    """The network of a run folder as a teacher for the classes and pictures of a data set.

    Raises:
        DataError: No finished run, or one with other classes or other pictures.
    """
    network = load_run(path)
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
    record = TeacherRecord(path.resolve().name, hash_weights(path))
    return Teacher(module.eval().requires_grad_(False), normalization_of(network), record)


def _some(labels: tuple[str, ...]) -> str:
    return f"{len(labels)} classes ({', '.join(labels[:3])}{', …' if len(labels) > 3 else ''})"


def _form(preprocess: Preprocess, channels: int) -> str:
    kind = "gray" if channels == 1 else "RGB"
    return f"{preprocess.height}×{preprocess.width} {kind} pixels ({preprocess.resize}, {preprocess.kernel})"
