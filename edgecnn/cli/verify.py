"""`edgecnn verify`: does the file still give, on this machine, the answers it was made with?"""

import typer
from edgecnn_runtime import verify as verify_model

from edgecnn.cli.models import find_model_file
from edgecnn.cli.options import Device, Json, ModelArgument, Require
from edgecnn.cli.output import print_json

__all__ = ["verify"]


def verify(
    model: ModelArgument,
    device: Device = "auto",
    require: Require = False,
    json: Json = False,
) -> None:
    """Run the golden vectors inside a model file on a device; exit code 1 if an answer differs.

    Example: edgecnn verify model.onnx --device cuda --require
    """
    result = verify_model(find_model_file(model), device=device, require=require)
    if json:
        error = result.max_relative_error
        print_json(
            {
                "model": model,
                "provider": result.provider,
                "checked": result.checked,
                "passed": result.passed,
                "max_relative_error": error if error != float("inf") else None,
            }
        )
    else:
        word, color = ("passed", "green") if result.passed else ("FAILED", "red")
        verdict = typer.style(word, fg=color, bold=True)
        typer.echo(
            f"{result.model} {verdict} on {result.device} ({result.provider}): {result.checked} golden vectors, "
            f"{result.labels_equal} labels equal, largest relative error {result.max_relative_error:.1e} "
            f"(allowed {result.tolerance:.0e}), weights {'unchanged' if result.digest_matches else 'CHANGED'}"
        )
        if not result.passed:
            typer.echo(f"because {result.reason}.")
    if not result.passed:
        raise typer.Exit(1)
