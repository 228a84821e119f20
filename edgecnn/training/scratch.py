"""How a run from scratch begins: a small network with fresh weights and a first layer computed from the pictures.

The first layer of `EdgeCNN` is fixed filters that decorrelate neighboring pixels. They say nearly the same thing, which
makes the first steps of training slow; projecting small patches on the principal directions of their covariance, each
scaled to unit variance, removes that. Every direction is kept with both signs because a ReLU follows. (After Keller
Jordan's airbench, MIT.)
"""

from __future__ import annotations

from pathlib import Path

import torch
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.normalization import Normalization
from torch import Tensor, nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.default_recipes import default_recipe
from edgecnn.training.distillation import load_teacher
from edgecnn.training.listener import Listener
from edgecnn.training.normalize import normalize, pixel_statistics
from edgecnn.training.run import Run
from edgecnn.training.train_options import DataRequest, TrainOptions
from edgecnn.training.world import World
from edgecnn.zoo.run_record import NetworkRecord
from edgecnn.zoo.runs import read_run
from edgecnn.zoo.small import EdgeCNN, check_name, create

__all__ = ["begin_scratch", "whitening_filters"]

WHITENING_PICTURES = 5_000
FLOOR = 5e-4  # variances below this are noise of the compression or of the sensor: not to be blown up


def begin_scratch(
    request: DataSet | DataRequest,
    name: str,
    options: TrainOptions,
    *,
    folder: Path,
    world: World,
    listener: Listener,
) -> Run:
    """A run of one of `SMALL_NETWORKS`; what is given means the same as in `Run`.

    Raises:
        DataError: The data or the teacher cannot be used.
        OptionError: Settings that do not fit together.
    """
    check_name(name)  # before a data set is downloaded
    if isinstance(options.teacher, str | Path):
        read_run(Path(options.teacher))
    data = request if isinstance(request, DataSet) else request.load(preprocess=None, seed=options.seed)
    normalization = pixel_statistics(data.train)
    torch.manual_seed(options.seed)
    module = _create(data, name, normalization)
    module = module.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    teacher = options.teacher
    if isinstance(teacher, str | Path):
        teacher = load_teacher(Path(teacher), data, world.device)
    recipe = options.recipe or default_recipe(
        data.name,
        name,
        size=data.train.shape[0],
        pictures=len(data.train.labels),
        changes=options,
        teacher_classes=None if teacher is None else len(data.labels),
    )
    return Run(
        data=data,
        module=module,
        normalization=normalization,
        network=NetworkRecord(
            kind="small",
            name=name,
            channels=data.channels,
            parameters=sum(weight.numel() for weight in module.parameters()),
        ),
        title=name,
        license="see the terms of the training data",
        recipe=recipe,
        options=options,
        folder=folder,
        world=world,
        listener=listener,
        teacher=teacher,
    )


def _create(data: DataSet, network: str, normalization: Normalization) -> nn.Module:
    """The network for the classes and pictures of a data set, with weights from torch's current seed."""
    height, width, channels = data.train.shape
    if height != width:
        raise OptionError(f"The networks take square pictures, got {height}×{width}; give --size.")
    module = create(network, len(data.labels), size=height, channels=channels)
    if isinstance(module, EdgeCNN):
        count = len(data.train.labels)
        numbers = torch.linspace(0, count - 1, min(WHITENING_PICTURES, count)).long()
        pictures = normalize(torch.from_numpy(data.train.batch(numbers.numpy())), normalization)
        with torch.no_grad():
            filters = whitening_filters(pictures, module.whiten.kernel_size[0], module.whiten.out_channels // 2)
            module.whiten.weight.copy_(filters)
        for layer in module.blocks.modules():
            if isinstance(layer, nn.Conv2d):
                # The first filters pass their input on: a deep network begins as a shallow one (airbench).
                nn.init.dirac_(layer.weight.data[: layer.in_channels])
    return module


def whitening_filters(pictures: Tensor, patch: int, directions: int) -> Tensor:
    """Filters `(2 * directions, C, patch, patch)` float32 for normalized pictures `(N, C, H, W)` float32."""
    channels = pictures.shape[1]
    patches = pictures.unfold(2, patch, 2).unfold(3, patch, 2)
    rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * patch * patch).double()
    rows = rows - rows.mean(0)
    covariance = rows.T @ rows / rows.shape[0]
    variances, vectors = torch.linalg.eigh(covariance)
    best = vectors.T.flip(0)[:directions]  # eigh sorts upwards
    scale = variances.flip(0)[:directions].add(FLOOR).rsqrt()
    # The sign of an eigenvector is arbitrary; fix it so that another linear algebra library gives the same network.
    sign = best.gather(1, best.abs().argmax(1, keepdim=True)).sign()
    filters = (best * sign * scale[:, None]).reshape(directions, channels, patch, patch)
    return torch.cat([filters, -filters]).float()
