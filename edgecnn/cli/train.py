"""`edgecnn train`: pictures in, a run folder with a trained network out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from edgecnn_runtime.errors import MissingPackageError, OptionError

from edgecnn.cli.output import percent, print_json, say

if TYPE_CHECKING:
    from edgecnn.training.outcome import Listener, Outcome, Plan
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
        _list(size or 32, json=json)
        return
    if data is None:
        raise typer.BadParameter("Give the data: a name, a folder or an .npz file; --list shows the networks.")
    if reuse is None and (train_last != 1 or unfreeze):
        raise typer.BadParameter("--train-last and --unfreeze need --from.")
    if reuse is not None and network is not None:
        raise typer.BadParameter("--from and --network exclude each other.")
    from edgecnn.training.world import join_world

    name = network or DEFAULT_NETWORK
    folder = _run_folder(output, data, reuse or name, resume=resume)
    with join_world(device) as world, _listen(json=json, quiet=not world.leads, folder=folder) as listener:
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
        }
        if reuse is None:
            from edgecnn.data import load_data
            from edgecnn.training.recipe import default_recipe
            from edgecnn.training.scratch import train_from_scratch

            pictures = load_data(data, size=size, **common)
            _warn(pictures.warnings, quiet=not world.leads)
            recipe = default_recipe(
                pictures.name, name, size=pictures.train.shape[0], pictures=len(pictures.train.labels), **settings
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
            _report(outcome, json=json)


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


def _list(size: int, *, json: bool) -> None:
    from edgecnn.zoo.small import SMALL_NETWORKS, create, measure_size

    rows = [(network, measure_size(create(network.name, 10, size), size)) for network in SMALL_NETWORKS.values()]
    if json:
        for network, cost in rows:
            print_json({"name": network.name, "about": network.about, "size": size, **asdict(cost)})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Networks for ten classes, {size}×{size} pictures", box=None)
    for heading in ("network", "parameters", "million MACs", "fp32 KB", "int8 KB", ""):
        table.add_column(heading, justify="right" if heading not in ("network", "") else "left")
    for network, cost in rows:
        numbers = (cost.bytes_fp32 / 1000, cost.bytes_int8 / 1000)
        table.add_row(
            network.name,
            f"{cost.parameters:,}",
            f"{cost.macs / 1e6:.1f}",
            *(f"{value:,.0f}" for value in numbers),
            network.about,
        )
    Console(soft_wrap=True).print(table)
    typer.echo("Files add about 35 KB. Also: --from efficientnet_lite0, torchvision:NAME, timm:NAME, a run folder.")


def _warn(warnings: tuple[str, ...], *, quiet: bool) -> None:
    if not quiet:
        for sentence in warnings:
            say(f"{typer.style('warning:', fg='yellow', bold=True)} {sentence}")


@contextmanager
def _listen(*, json: bool, quiet: bool, folder: Path) -> Iterator[Listener]:
    """A listener that tells the plan, draws a bar, and on Ctrl-C says how to go on."""
    from edgecnn.cli.train_progress import TrainBar
    from edgecnn.training.outcome import Listener

    if quiet:
        yield Listener()
        return
    with TrainBar(visible=sys.stderr.isatty() and not json) as bar:

        def plan(value: Plan) -> None:
            bar.begin(value.recipe.epochs, value.steps, value.resumed_at)
            _tell_plan(value, json=json)

        def epoch(line: Any) -> None:
            if json:
                print_json({"event": "epoch", **asdict(line)})
            else:
                bar.print(
                    f"epoch {line.epoch:3d}  loss {line.loss:.3f}  training {line.train_accuracy:.2%}  "
                    f"test {line.accuracy:.2%}  {line.pictures_a_second:.0f} pictures/s"
                )

        try:
            yield Listener(
                on_plan=plan,
                on_step=bar.step,
                on_epoch=epoch,
                on_note=say,
                on_features=bar.begin_features,
                on_pictures=bar.advance_features,
            )
        except KeyboardInterrupt:
            say(f"Stopped; go on after the last finished epoch with the same command and -o {folder} --resume")
            raise


def _tell_plan(plan: Plan, *, json: bool) -> None:
    if json:
        print_json(
            {
                "event": "plan",
                "network": plan.network,
                "parameters": plan.size.parameters,
                "macs": plan.size.macs,
                "data": plan.data,
                "pictures": plan.pictures,
                "steps": plan.steps,
                "seconds": round(plan.seconds, 1),
                "memory_bytes": plan.memory_bytes,
                "precision": "bf16" if plan.speed.bf16 else "fp32",
                "device": plan.device,
                "threads": plan.threads,
                "recipe": plan.recipe.to_dict(),
            }
        )
        return
    recipe = plan.recipe
    timed = ", ".join(f"{name} {seconds * 1e3:.0f} ms" for name, seconds in plan.speed.tried.items())
    say(
        f"{plan.network}: {plan.size.parameters:,} parameters, {plan.size.macs / 1e6:.1f} million MACs; "
        f"{plan.data}: {plan.pictures:,} pictures"
    )
    say(
        f"{recipe.epochs} epochs, {plan.steps:,} steps of {recipe.batch} ({recipe.optimizer}) on {plan.device}, "
        f"{plan.threads} threads; a step takes {timed}: about {plan.seconds / 60:.1f} minutes, "
        f"{plan.memory_bytes / 1e9:.1f} GB"
    )
    if plan.resumed_at:
        say(f"going on after epoch {plan.resumed_at}")


def _report(outcome: Outcome, *, json: bool) -> None:
    evaluation = outcome.evaluation
    if json:
        document = {
            "event": "result",
            "accuracy": evaluation.accuracy,
            "correct": evaluation.correct,
            "count": evaluation.count,
            "run": str(outcome.folder),
        }
        if outcome.views_accuracy is not None:
            document["accuracy_views"] = outcome.views_accuracy
        print_json(document)
        return
    typer.echo(
        f"accuracy {percent(evaluation.accuracy, 2)} "
        f"({evaluation.correct} of {evaluation.count} test pictures, one view)"
    )
    if outcome.views_accuracy is not None:
        typer.echo(f"over several views {percent(outcome.views_accuracy, 2)}, which a deployed file does not do")
    typer.echo(f"run: {outcome.folder}")
    typer.echo(f"next: edgecnn export {outcome.folder} -o model.onnx")
