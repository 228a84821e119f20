"""Reuse a trained network: a new head on frozen features, then, if wanted, its last blocks fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from edgecnn_export.network import Network
from edgecnn_runtime.errors import OptionError
from torch import nn

from edgecnn.data.augment import Augment
from edgecnn.data.dataset import DataSet
from edgecnn.training.batches import Normalize
from edgecnn.training.blocks import (
    count_trained,
    cut_before,
    find_head,
    freeze_norms,
    replace_head,
    set_part,
    train_only_last,
)
from edgecnn.training.checkpoint import Epoch
from edgecnn.training.evaluate import Evaluation, evaluate, predict
from edgecnn.training.features import frozen_features
from edgecnn.training.head import fit_head
from edgecnn.training.loop import fit
from edgecnn.training.memory import freed_memory_kept
from edgecnn.training.outcome import (
    Listener,
    Outcome,
    check_resume,
    describe_run,
    finish_run,
    make_plan,
    prepare_folder,
    recorded_precision,
)
from edgecnn.training.probe import Precision
from edgecnn.training.recipe import Recipe
from edgecnn.training.scratch import probe
from edgecnn.training.tail import fit_tail
from edgecnn.training.world import World
from edgecnn.zoo import runs as run_folder
from edgecnn.zoo.small import measure_size

__all__ = ["TransferSettings", "fine_tuning_recipe", "rebuild", "train_transfer"]


@dataclass(frozen=True)
class TransferSettings:
    """What of a reused network is trained.

    Attributes:
        source: What the network was loaded from, for `run.json`.
        train_last: Blocks trained on frozen features; 1 is the head alone.
        unfreeze: Blocks fine-tuned on varied pictures afterwards, the head included; 0 for none.
        recipe: Of the fine-tuning, and of `train_last` above 1.
        cache: Folder for frozen features; None keeps none.
    """

    source: str
    train_last: int
    unfreeze: int
    recipe: Recipe
    cache: Path | None


def fine_tuning_recipe(
    size: int,
    pictures: int,
    *,
    epochs: int | None = None,
    batch: int | None = None,
    optimizer: str | None = None,
    rate: float | None = None,
    shift: int | None = None,
    skip: float | None = None,
) -> Recipe:
    """Few epochs at a low rate: what a trained network needs to bend, not to break."""
    if optimizer == "muon":
        raise OptionError("muon is for edge_cnn from scratch; fine-tune with sgd or adamw.")
    chosen = optimizer or "sgd"
    return Recipe(
        epochs=epochs or 3,
        batch=min(batch or 32, pictures),
        optimizer=chosen,  # type: ignore[arg-type]
        rate=rate or (5e-3 if chosen == "sgd" else 1e-4),
        momentum=0.9,
        weight_decay=1e-4,
        smoothing=0.1,
        warmup=0.2,
        average=0.05,
        skip=skip or 0.0,
        augment=Augment(mirror=True, shift=max(1, size // 16) if shift is None else shift),
    )


@freed_memory_kept()
def train_transfer(
    data: DataSet,
    network: Network,
    settings: TransferSettings,
    *,
    folder: Path,
    world: World,
    seed: int = 0,
    precision: Precision = "auto",
    resume: bool = False,
    views: bool = False,
    listener: Listener | None = None,
) -> Outcome:
    """Train a reused network for new classes and write its run folder.

    Args:
        data: Pictures brought to `network.preprocess`.
        network: The trained network; its module is changed.
        settings: What is trained.
        folder: The run folder; made if missing.
        world: The processes that train together.
        seed: Decides everything random.
        precision: Number format of the fine-tuning; `auto` measures.
        resume: Go on from the folder's checkpoint.
        views: Also measure the accuracy averaged over six views; reported apart.
        listener: Told what happens.

    Raises:
        DataError: The data, the folder or its checkpoint cannot be used.
        DivergedError: The loss became NaN.
        OptionError: The network cannot be cut or has too few blocks.
    """
    told = listener or Listener()
    torch.manual_seed(seed)
    module, recipe = network.module, settings.recipe
    normalize = Normalize.of(network)
    replace_head(module, len(data.labels))
    module = module.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    record = _record(settings, network)
    done = 0
    if resume:
        done, precision = check_resume(folder, data, record["name"], recipe, seed), recorded_precision(folder)
    document = describe_run(data, record, normalize, recipe=recipe, seed=seed, world=world, license=network.license)
    document["transfer"] = {
        "from": settings.source,
        "train_last": settings.train_last,
        "unfreeze": settings.unfreeze,
        "source": dict(network.source),
    }
    if world.leads:
        prepare_folder(folder, document, data, resume=resume)
    frozen = _train_on_features(module, data, settings, normalize, seed=seed, world=world, told=told)
    document["head_accuracy"] = round(frozen.accuracy, 6)
    told.on_note(f"with frozen features: {frozen.accuracy:.2%} ({frozen.correct} of {frozen.count} test pictures)")
    history: tuple[Epoch, ...] = ()
    evaluation = frozen
    if settings.unfreeze:
        train_only_last(module, settings.unfreeze)
        recipe, speed = probe(module, data, recipe, normalize, world, precision, told)
        document |= {"recipe": recipe.to_dict(), "precision": "bf16" if speed.bf16 else "fp32"}
        plan = make_plan(
            f"{network.name}, last {settings.unfreeze} blocks ({count_trained(module):,} parameters)",
            measure_size(module, data.preprocess.height, network.channels),
            data,
            recipe,
            speed=speed,
            world=world,
            done=done,
        )
        if world.leads:
            told.on_plan(plan)
            run_folder.write_run(folder, document)
        checkpoint = folder / run_folder.CHECKPOINT
        history = fit(
            module,
            data,
            recipe,
            normalize=normalize,
            seed=seed,
            world=world,
            speed=speed,
            checkpoint=checkpoint,
            resume=resume and checkpoint.is_file(),
            prepare=freeze_norms,
            on_step=told.on_step,
            on_epoch=told.on_epoch,
        )
        evaluation = evaluate(module, data.test, normalize)
    seen = predict(module, data.test, normalize, views=True, mirror=recipe.augment.mirror).accuracy if views else None
    if world.leads:
        finish_run(folder, module, data, evaluation, history, document, views_accuracy=seen)
    return Outcome(folder, evaluation, history, seen)


def rebuild(source: str, classes: int, size: int) -> nn.Module:
    """The architecture of a reused network with a fresh head, for `load_run`; downloads nothing."""
    from edgecnn.zoo import NetworkRequest, load

    names = tuple(str(index) for index in range(classes))
    network = load(source, NetworkRequest(random_weights=True, labels=names, size=(size, size)))
    replace_head(network.module, classes)
    return network.module


def _record(settings: TransferSettings, network: Network) -> dict[str, Any]:
    parameters = sum(weight.numel() for weight in network.module.parameters())
    base = Path(settings.source)
    if base.is_dir():
        # Built on a run of ours: the architecture is that run's, whatever becomes of its folder.
        return {**run_folder.read_run(base)["network"], "parameters": parameters}
    return {"kind": "zoo", "name": settings.source, "channels": network.channels, "parameters": parameters}


def _train_on_features(
    module: nn.Module,
    data: DataSet,
    settings: TransferSettings,
    normalize: Normalize,
    *,
    seed: int,
    world: World,
    told: Listener,
) -> Evaluation:
    """Train the last blocks on features of the frozen rest, in place, and measure on the test features."""
    module.eval()
    head = find_head(module)
    last = module.get_submodule(head)
    assert isinstance(last, nn.Linear)  # noqa: S101 - find_head gives linear layers only
    tail: nn.Module = last
    if settings.train_last == 1:
        train_only_last(module, 1)
        set_part(module, head, nn.Identity())
        front = module
    else:
        trained = train_only_last(module, settings.train_last)
        front, tail = cut_before(module, trained[0])
    try:
        splits = {}
        for split in ("train", "test"):
            told.on_features(split, len((data.train if split == "train" else data.test).labels))
            splits[split], kept = frozen_features(
                front,
                data,
                split,
                normalize,
                cache=settings.cache,
                device=world.device,
                on_pictures=told.on_pictures,
            )
            if kept:
                told.on_note(f"features of the {split} pictures come from the cache")
    finally:
        if settings.train_last == 1:
            set_part(module, head, last)
    labels = data.train.labels
    if settings.train_last == 1:
        if splits["train"].ndim != 2:
            raise OptionError(
                f"The network's features have the shape {splits['train'].shape[1:]}; expected one vector a picture."
            )
        fitted = fit_head(splits["train"], labels, len(data.labels), seed=seed)
        with torch.no_grad():
            last.weight.copy_(fitted.weight)
            last.bias.copy_(fitted.bias)
    else:
        recipe = replace(settings.recipe, epochs=max(settings.recipe.epochs, 10))
        fit_tail(tail, last, splits["train"], labels, recipe, seed=seed, device=world.device)
    with torch.inference_mode():
        parts = torch.from_numpy(splits["test"]).split(100)
        logits = torch.cat([tail(part.to(world.device)).float().cpu() for part in parts])
    return Evaluation(logits.numpy(), data.test.labels)
