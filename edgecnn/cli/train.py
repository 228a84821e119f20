"""`edgecnn train`: pictures in, a run folder with a trained network out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from edgecnn_runtime.errors import OptionError

from edgecnn.cli.options import Json
from edgecnn.cli.output import detail
from edgecnn.cli.train_report import listen, report, show_networks

if TYPE_CHECKING:
    from edgecnn.training.repetition import Repetition

__all__ = ["train"]


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="cifar10, mnist, fashion-mnist, a folder of class folders, or an .npz file."),
    ] = None,
    network: Annotated[str | None, typer.Option(help="Network from --list; edge_cnn_small if not given.")] = None,
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
    optimizer: Annotated[
        Literal["muon", "sgd", "adamw"] | None, typer.Option(help="muon is for edge_cnn only.")
    ] = None,
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
    data_dir: Annotated[
        Path | None, typer.Option(envvar="EDGECNN_DATA", help="Where local copies of named data sets are.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Run folder; a new one in runs/.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch of the run.")] = False,
    like: Annotated[
        Path | None,
        typer.Option(help="Do a run again from its folder: all settings, seed, number format and threads are its own."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides everything random.")] = 0,
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], typer.Option(help="auto takes bf16 where the hardware has it and it pays.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    views: Annotated[
        bool, typer.Option("--views", help="Also report the accuracy averaged over several views of each picture.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="With --from: keep no features on disk.")] = False,
    list_networks: Annotated[bool, typer.Option("--list", help="Show the networks and what they cost.")] = False,
    json: Json = False,
) -> None:
    """Train a classifier from scratch, or reuse a trained network with --from.

    Example: edgecnn train cifar10 --data-dir data

    Example: edgecnn train cats_and_dogs/ --from efficientnet_lite0
    """
    if list_networks:
        import edgecnn.training  # noqa: F401 - says which extra is missing

        show_networks(size or 32, json=json)
        return
    if like is not None:
        given = (network, reuse, teacher, epochs, batch, optimizer, rate, shift, skip, size)
        changed = (seed, precision, device, views, test_share, train_last, unfreeze, no_cache)
        if any(value is not None for value in given) or changed != (0, "auto", "auto", False, 0.2, 1, 0, False):
            raise OptionError(f"--like takes all settings from {like}; leave the others out, or --like.")
        from edgecnn.training.repetition import repetition_of

        again = repetition_of(like, data=data, data_dir=data_dir, resume=resume)
        name = again.network if isinstance(again.network, str) else again.network.source
        _train(again, _run_folder(output, again.data.source, name, resume=resume), json=json)
        return
    if data is None:
        raise typer.BadParameter("Give the data: a name, a folder or an .npz file; --list shows the networks.")
    if reuse is None and (train_last != 1 or unfreeze):
        raise typer.BadParameter("--train-last and --unfreeze need --from.")
    if reuse is not None and network is not None:
        raise typer.BadParameter("--from and --network exclude each other.")
    if reuse is not None and teacher is not None:
        raise typer.BadParameter("--teacher is for networks trained from scratch; it does not go with --from.")
    from edgecnn.training import DEFAULT_NETWORK, DataRequest, TrainOptions, Transfer
    from edgecnn.training.repetition import Repetition

    chosen: str | Transfer = network or DEFAULT_NETWORK
    if reuse is not None:
        chosen = Transfer(reuse, train_last, unfreeze, **({"cache": None} if no_cache else {}))
    options = TrainOptions(
        epochs=epochs,
        batch=batch,
        optimizer=optimizer,
        rate=rate,
        shift=shift,
        skip=skip,
        teacher=teacher,
        seed=seed,
        precision=precision,
        device=device,
        resume=resume,
        views=views,
    )
    request = DataRequest(data, size=size, test_share=test_share, data_dir=data_dir)
    folder = _run_folder(output, data, reuse or network or DEFAULT_NETWORK, resume=resume)
    _train(Repetition(request, chosen, options), folder, json=json)


def _train(asked: Repetition, folder: Path, *, json: bool) -> None:
    from edgecnn.training import train as train_network

    data_dir = asked.data.data_dir
    detail(f"run folder: {folder.absolute()}; named data sets: {data_dir.absolute() if data_dir else 'the cache'}")
    leads = os.environ.get("RANK", "0") == "0"  # torchrun numbers its processes
    with listen(json=json, quiet=not leads, folder=folder) as listener:
        outcome = train_network(asked.data, asked.network, asked.options, folder=folder, listener=listener)
    if leads:
        report(outcome, json=json)


def _run_folder(output: Path | None, data: str, network: str, *, resume: bool) -> Path:
    """The folder given, or the next free one in runs/; with --resume the newest of that name, where there is one."""
    if output is not None:
        return output
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise OptionError("Several processes must agree on the run folder; give it with --output.")
    stem = f"{Path(data).resolve().stem}-{Path(network).name.replace(':', '_')}"
    candidates = [Path("runs") / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000)]
    existing = [path for path in candidates if path.exists()]
    if resume and existing:
        return existing[-1]
    return next(path for path in candidates if not path.exists())
