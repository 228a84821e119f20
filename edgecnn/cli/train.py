"""`edgecnn train`: pictures in, a run folder with a trained network out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from edgecnn_runtime.errors import MissingPackageError, OptionError

from edgecnn.cli.output import warn
from edgecnn.cli.train_report import listen, report

if TYPE_CHECKING:
    from edgecnn.training.outcome import Listener, Outcome
    from edgecnn.training.world import World

__all__ = ["train"]

DEFAULT_NETWORK = "edge_cnn_small"


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="cifar10, mnist, fashion-mnist, a folder of class folders, or an .npz file."),
    ] = None,
    network: Annotated[str | None, typer.Option(help=f"Network from --list; {DEFAULT_NETWORK} if not given.")] = None,
    reuse: Annotated[
        str | None,
        typer.Option(
            "--from", help="Reuse a trained network: efficientnet_lite0, torchvision:NAME, timm:NAME, a run folder."
        ),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="Learn the answers of a larger network, a run folder, instead of the labels (distillation)."),
    ] = None,
    train_last: Annotated[
        int,
        typer.Option(min=1, help="With --from: how many last blocks are trained on frozen features; 1 is the head."),
    ] = 1,
    unfreeze: Annotated[
        int, typer.Option(min=0, help="With --from: then fine-tune this many last blocks on varied pictures.")
    ] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training pictures.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Pictures a step, over all processes together.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="muon (edge_cnn only), sgd or adamw.")] = None,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    shift: Annotated[
        int | None, typer.Option(min=0, help="Largest move of a picture in pixels; a sixteenth of its side.")
    ] = None,
    skip: Annotated[
        float | None,
        typer.Option(min=0, max=0.5, help="Share of the pictures that most epochs leave out, of those known best."),
    ] = None,
    size: Annotated[int | None, typer.Option(min=8, help="Side of the pictures in pixels.")] = None,
    test_share: Annotated[float, typer.Option(help="Share kept for the test where the data has no split.")] = 0.2,
    data_dir: Annotated[Path | None, typer.Option(help="Where local copies of named data sets are.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Run folder; a new one in runs/.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch of the run.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random.")] = 0,
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto to measure.")] = "auto",
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    views: Annotated[
        bool, typer.Option("--views", help="Also report the accuracy averaged over several views of each picture.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="With --from: keep no features on disk.")] = False,
    list_networks: Annotated[bool, typer.Option("--list", help="Show the networks and what they cost.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line: plan, epochs, result.")] = False,
) -> None:
    """Train a classifier from scratch, or reuse a trained network with --from.

    Example: edgecnn train cifar10 --data-dir data

    Example: edgecnn train cats_and_dogs/ --from efficientnet_lite0
    """
    _need_torch()
    if list_networks:
        from edgecnn.cli.train_list import show_networks

        show_networks(size or 32, json=json)
        return
    if data is None:
        raise typer.BadParameter("Give the data: a name, a folder or an .npz file; --list shows the networks.")
    if reuse is None and (train_last != 1 or unfreeze):
        raise typer.BadParameter("--train-last and --unfreeze need --from.")
    if reuse is not None and network is not None:
        raise typer.BadParameter("--from and --network exclude each other.")
    if reuse is not None and teacher is not None:
        raise typer.BadParameter("--teacher is for networks trained from scratch; it does not go with --from.")
    from edgecnn.training.world import join_world

    name = network or DEFAULT_NETWORK
    folder = _run_folder(output, data, reuse or name, resume=resume)
    with join_world(device) as world, listen(json=json, quiet=not world.leads, folder=folder) as listener:
        common: dict[str, Any] = {
            "data_dir": data_dir,
            "test_share": test_share,
            "seed": seed,
        }
        settings: dict[str, Any] = {
            "epochs": epochs,
            "batch": batch,
            "optimizer": optimizer,
            "rate": rate,
            "shift": shift,
            "skip": skip,
        }
        if reuse is None:
            from edgecnn.data import load_data
            from edgecnn.training.distil import load_teacher
            from edgecnn.training.recipe import default_recipe
            from edgecnn.training.scratch import train_from_scratch

            pictures = load_data(data, size=size, **common)
            _warn(pictures.warnings, quiet=not world.leads)
            recipe = default_recipe(
                pictures.name,
                name,
                size=pictures.train.shape[0],
                pictures=len(pictures.train.labels),
                teacher_classes=None if teacher is None else len(pictures.labels),
                **settings,
            )
            outcome = train_from_scratch(
                pictures,
                name,
                recipe,
                folder=folder,
                world=world,
                seed=seed,
                precision=precision,  # type: ignore[arg-type]
                resume=resume,
                views=views,
                teacher=None if teacher is None else load_teacher(teacher, pictures, world.device),
                listener=listener,
            )
        else:
            outcome = _transfer(
                data,
                reuse,
                folder=folder,
                world=world,
                listener=listener,
                load=common,
                size=size,
                train_last=train_last,
                unfreeze=unfreeze,
                settings=settings,
                keep=not no_cache,
                run={"seed": seed, "precision": precision, "resume": resume, "views": views},
            )
        if world.leads:
            report(outcome, json=json)


def _transfer(
    data: str,
    reuse: str,
    *,
    folder: Path,
    world: World,
    listener: Listener,
    load: dict[str, Any],
    size: int | None,
    train_last: int,
    unfreeze: int,
    settings: dict[str, Any],
    keep: bool,
    run: dict[str, Any],
) -> Outcome:
    from edgecnn import zoo
    from edgecnn.data import load_data
    from edgecnn.training.features import CACHE
    from edgecnn.training.transfer import TransferSettings, fine_tuning_recipe, train_transfer

    request = zoo.NetworkRequest(size=None if size is None else (size, size))
    network = zoo.load(reuse, request)
    pictures = load_data(data, preprocess=network.preprocess, **load)
    _warn(pictures.warnings, quiet=not world.leads)
    recipe = fine_tuning_recipe(network.preprocess.height, len(pictures.train.labels), **settings)
    chosen = TransferSettings(reuse, train_last, unfreeze, recipe, CACHE if keep else None)
    return train_transfer(pictures, network, chosen, folder=folder, world=world, listener=listener, **run)


def _need_torch() -> None:
    try:
        import safetensors
        import torch

        del safetensors, torch
    except ModuleNotFoundError as error:
        raise MissingPackageError(error.name or "torch", extra="train") from error


def _run_folder(output: Path | None, data: str, network: str, *, resume: bool) -> Path:
    """The folder given, or the next free one in runs/; with --resume the newest of that name."""
    if output is not None:
        return output
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise OptionError("Several processes must agree on the run folder; give it with --output.")
    stem = f"{Path(data).resolve().stem}-{Path(network).name.replace(':', '_')}"
    candidates = [Path("runs") / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000)]
    existing = [path for path in candidates if path.exists()]
    if resume:
        if not existing:
            raise OptionError(f"There is no run runs/{stem} to resume; give its folder with --output.")
        return existing[-1]
    return next(path for path in candidates if not path.exists())


def _warn(warnings: tuple[str, ...], *, quiet: bool) -> None:
    if not quiet:
        for sentence in warnings:
            warn(sentence)
