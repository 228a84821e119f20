"""What `edgecnn train` tells: the plan before it starts, each epoch, the result and what to type next."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edgecnn.cli.output import percent, print_json, say

if TYPE_CHECKING:
    from edgecnn.training.outcome import Listener, Outcome, Plan

__all__ = ["listen", "report"]


@contextmanager
def listen(*, json: bool, quiet: bool, folder: Path) -> Iterator[Listener]:
    """A listener that tells the plan, draws a bar, and on Ctrl-C says how to go on."""
    from edgecnn.cli.train_progress import TrainBar
    from edgecnn.training.outcome import Listener

    if quiet:
        yield Listener()
        return
    with TrainBar(visible=sys.stderr.isatty() and not json) as bar:

        def plan(value: Plan) -> None:
            bar.begin(value.recipe.epochs, value.resumed_at, value.steps, value.steps_done)
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
    typer.echo(
        f"accuracy {percent(evaluation.accuracy, 2)} "
        f"({evaluation.correct} of {evaluation.count} test pictures, one view)"
    )
    if outcome.views_accuracy is not None:
        typer.echo(f"over several views {percent(outcome.views_accuracy, 2)}, which a deployed file does not do")
    typer.echo(f"run: {outcome.folder}")
    typer.echo(f"next: edgecnn export {outcome.folder} -o model.onnx")
