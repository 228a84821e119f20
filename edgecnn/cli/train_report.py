"""What `edgecnn train` tells: the networks, the plan, each epoch, the result and what to type next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.cli.output import percent, print_json, remark, say, show, shown, warn

if TYPE_CHECKING:
    from edgecnn.training import Listener, Outcome, TrainingPlan
    from edgecnn.training.checkpoint import Epoch

__all__ = ["listen", "report", "show_networks"]


@contextmanager
def listen(*, json: bool, quiet: bool, folder: Path) -> Iterator[Listener]:
    """A listener that tells the plan, draws a bar, and on Ctrl-C says how to go on."""
    from edgecnn.cli.train_progress import TrainBar
    from edgecnn.training import Listener

    if quiet:
        yield Listener()
        return
    with TrainBar(visible=sys.stderr.isatty() and not json) as bar:

        def plan(value: TrainingPlan) -> None:
            bar.begin(value)
            _tell_plan(value, json=json)

        def epoch(line: Epoch) -> None:
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
                on_note=lambda text: say(shown(text)),
                on_warning=warn,
                on_features=bar.begin_features,
                on_pictures=bar.advance_features,
            )
        except KeyboardInterrupt:
            again = shlex.join(["-o", str(folder), "--resume"])
            say(f"Stopped; go on after the last finished epoch with the same command and {again}")
            raise


def _tell_plan(plan: TrainingPlan, *, json: bool) -> None:
    chosen = plan.number_format
    if json:
        print_json(
            {
                "event": "plan",
                "network": plan.network,
                "parameters": plan.size.parameters,
                "macs": plan.size.macs,
                "data": plan.data,
                "pictures": plan.pictures,
                "features": plan.features,
                "steps": plan.steps,
                "seconds": round(plan.seconds, 1),
                "memory_bytes": plan.memory_bytes,
                "precision": None if chosen is None else chosen.name,
                "precision_reason": None if chosen is None else chosen.reason,
                "device": plan.device,
                "threads": plan.threads,
                "recipe": plan.recipe.to_dict(),
            }
        )
        return
    recipe, step_time = plan.recipe, plan.step_time
    say(
        f"{plan.network}: {plan.size.parameters:,} parameters, {plan.size.macs / 1e6:.1f} million MACs; "
        f"{plan.data}: {plan.pictures:,} pictures"
    )
    if plan.features:
        say(f"{plan.features:,} pictures go through the frozen part once, unless what it gives is kept already")
    if chosen is not None:
        teacher = f", its teacher {step_time.teacher_seconds * 1e3:.0f} ms" if step_time.teacher_seconds else ""
        say(
            f"{recipe.epochs} epochs, {plan.steps:,} steps of {recipe.batch} ({recipe.optimizer}), "
            f"{step_time.step_seconds * 1e3:.0f} ms each{teacher}, in {chosen.name}: {chosen.reason}"
        )
    say(
        f"about {plan.seconds / 60:.1f} minutes on {plan.device}, {plan.threads} threads; "
        f"{plan.memory_bytes / 1e9:.1f} GB"
    )
    if 0 < recipe.repeat < recipe.epochs:
        say(f"after {recipe.repeat} epochs their pictures come again, with the teacher's answers that were kept")
    if plan.resumed_at:
        say(f"going on after epoch {plan.resumed_at}")


def report(outcome: Outcome, *, json: bool) -> None:
    """Print the accuracy, where the run is, and the next command."""
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
    show(
        f"accuracy {percent(evaluation.accuracy, 2)} "
        f"({evaluation.correct} of {evaluation.count} test pictures, one view)"
    )
    if outcome.views_accuracy is not None:
        show(f"over several views {percent(outcome.views_accuracy, 2)}, which a deployed file does not do")
    show(f"run: {shown(outcome.folder)}")
    remark(f"next: {shlex.join(['edgecnn', 'export', str(outcome.folder), '-o', 'model.onnx'])}")


def show_networks(size: int, *, json: bool) -> None:
    """Print the networks for ten classes and color pictures of a side in pixels."""
    from edgecnn.zoo.small import SMALL_NETWORKS, create, measure_size

    rows = [(network, measure_size(create(network.name, 10, size), size)) for network in SMALL_NETWORKS.values()]
    if json:
        for network, cost in rows:
            print_json({"name": network.name, "about": network.about, "size": size, **asdict(cost)})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Networks for ten classes, {size}×{size} pictures", box=None)
    for heading in ("network", "parameters", "M MACs", "fp32 KB", "int8 KB", ""):
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
    show("Files add 20 to 30 KB. Also: --from efficientnet_lite0, torchvision:NAME, timm:NAME, a run folder.")
