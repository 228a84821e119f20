"""Reuse a trained network: a new head, or the last blocks, trained on features of the frozen rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from edgecnn_runtime.errors import DataError, OptionError
from torch import nn

from edgecnn import zoo
from edgecnn.data.dataset import DataSet
from edgecnn.training.blocks import count_trained, cut_before, train_only_last
from edgecnn.training.default_recipes import fine_tuning_recipe
from edgecnn.training.frozen_features import Features, frozen_features
from edgecnn.training.head import fit_head
from edgecnn.training.last_blocks import fit_last_blocks
from edgecnn.training.listener import Listener
from edgecnn.training.normalize import normalization_of
from edgecnn.training.predict import Predictions
from edgecnn.training.run import Run
from edgecnn.training.train_options import DataRequest, TrainOptions, Transfer
from edgecnn.training.world import World
from edgecnn.zoo.heads import find_head, replace_head, set_part
from edgecnn.zoo.run_record import NetworkRecord, TransferRecord
from edgecnn.zoo.runs import read_run

__all__ = ["begin_transfer", "train_on_features"]


def begin_transfer(
    request: DataSet | DataRequest,
    transfer: Transfer,
    options: TrainOptions,
    *,
    folder: Path,
    world: World,
    listener: Listener,
) -> Run:
    """A run of a trained network; what is given means the same as in `Run`.

    Raises:
        DataError: The data cannot be used, or was not prepared for this network.
        OptionError: Settings that do not fit together, or a network without enough blocks.
    """
    if options.teacher is not None:
        raise OptionError("A teacher is for networks trained from scratch; it does not go with a reused network.")
    size = None
    if isinstance(request, DataSet):
        size = (request.preprocess.height, request.preprocess.width)
    elif request.size is not None:
        size = (request.size, request.size)
    network = zoo.load(transfer.source, zoo.NetworkRequest(size=size))
    data = request
    if not isinstance(data, DataSet):
        data = data.load(preprocess=network.preprocess, seed=options.seed)
    if (data.preprocess, data.channels) != (network.preprocess, network.channels):
        raise DataError(
            f"{transfer.source} takes {network.channels}-channel pictures after {network.preprocess}, the data has "
            f"{data.channels} channels after {data.preprocess}; load it with preprocess=network.preprocess."
        )
    extra = next((k for k, value in network.module.state_dict().items() if not isinstance(value, torch.Tensor)), None)
    if extra is not None:
        raise OptionError(
            f"{transfer.source} keeps extra state ('{extra}'), which a run's weights, all tensors, cannot."
        )
    torch.manual_seed(options.seed)
    replace_head(network.module, len(data.labels))
    module = network.module.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = transfer.unfreeze or transfer.train_last
    train_only_last(module, trained)
    parameters = sum(weight.numel() for weight in module.parameters())
    record = NetworkRecord(kind="zoo", name=transfer.source, channels=network.channels, parameters=parameters)
    if Path(transfer.source).is_dir():
        # Built on a run of ours: the architecture is that run's, whatever becomes of its folder.
        record = replace(read_run(Path(transfer.source)).network, parameters=parameters)
    part = f"last {trained} blocks" if trained > 1 else "head"
    return Run(
        data=data,
        module=module,
        normalization=normalization_of(network),
        network=record,
        title=f"{network.name}, {part} ({count_trained(module):,} parameters)",
        license=network.license,
        recipe=options.recipe or fine_tuning_recipe(data.preprocess.height, len(data.train.labels), options),
        options=options,
        folder=folder,
        world=world,
        listener=listener,
        transfer=transfer,
        transfer_record=TransferRecord(
            source=transfer.source,
            train_last=transfer.train_last,
            unfreeze=transfer.unfreeze,
            origin=dict(network.source),
        ),
    )


def train_on_features(run: Run, transfer: Transfer) -> Predictions:
    """Train the head, or the last blocks, in place on features of the frozen rest, and measure on the test features.

    Raises:
        OptionError: The network cannot be cut, or its features are no vectors.
        DivergedError: The loss became NaN.
    """
    run.module.eval()
    name = find_head(run.module)
    head = run.module.get_submodule(name)
    assert isinstance(head, nn.Linear)  # noqa: S101 - find_head gives linear layers only
    if transfer.train_last > 1:
        trained = train_only_last(run.module, transfer.train_last)
        front, blocks = cut_before(run.module, trained[0])
        features = _features(run, transfer, front=front, split="train")
        recipe = replace(run.recipe, epochs=max(run.recipe.epochs, 10))
        labels, seed = run.data.train.labels, run.options.seed
        fit_last_blocks(
            blocks, head, features=features, labels=labels, recipe=recipe, seed=seed, device=run.world.device
        )
        return _predict(run, blocks, _features(run, transfer, front=front, split="test"))
    set_part(run.module, name, nn.Identity())
    try:
        features, test_features = (
            _features(run, transfer, front=run.module, split=split) for split in ("train", "test")
        )
    finally:
        set_part(run.module, name, head)
    if features.ndim != 2:
        raise OptionError(f"The network's features have the shape {features.shape[1:]}; expected one vector a picture.")
    fitted = fit_head(features, run.data.train.labels, len(run.data.labels), seed=run.options.seed)
    with torch.no_grad():
        head.weight.copy_(fitted.weight)
        head.bias.copy_(fitted.bias)
    return _predict(run, head, test_features)


def _features(run: Run, transfer: Transfer, front: nn.Module, split: str) -> Features:
    pictures = run.data.train if split == "train" else run.data.test
    run.listener.on_features(split, len(pictures.labels))
    found = frozen_features(
        front,
        run.data,
        split=split,
        normalization=run.normalization,
        cache=transfer.cache,
        device=run.world.device,
        on_pictures=run.listener.on_pictures,
    )
    if found.from_cache:
        run.listener.on_note(f"features of the {split} pictures come from the cache")
    return found.values


def _predict(run: Run, last: nn.Module, features: Features) -> Predictions:
    with torch.inference_mode():
        parts = torch.from_numpy(features).split(100)
        logits = torch.cat([last(part.to(run.world.device)).float().cpu() for part in parts])
    return Predictions(logits.numpy(), run.data.test.labels)
