"""`edgecnn verify`: does the file still give, on this machine, the answers it was made with?"""

import typer
from edgecnn_runtime import verify as verify_model

from edgecnn.cli.isolation import Isolated, MemoryLimit, TimeLimit, run_isolated
from edgecnn.cli.models import AllowUnbounded, find_model_file
from edgecnn.cli.options import Device, Json, ModelArgument, Require
from edgecnn.cli.output import print_json, show, shown

__all__ = ["verify"]


def verify(
    model: ModelArgument,
    device: Device = "auto",
    require: Require = False,
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
    isolated: Isolated = False,
    time_limit: TimeLimit = 60,
    memory_limit: MemoryLimit = 4000,
) -> None:
    """Run the golden vectors inside a model file on a device; exit code 1 if an answer differs.

    Example: edgecnn verify model.onnx --device cuda --require
    """
    if isolated:
        run_isolated(time_limit=time_limit, memory_limit=memory_limit)
    path = find_model_file(model)
    result = verify_model(path, device=device, require=require, allow_unbounded=allow_unbounded)
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
        verdict = (
            typer.style("passed", fg="green", bold=True)
            if result.passed
            else typer.style("FAILED", fg="red", bold=True)
        )
        show(
            f"{shown(result.model)} {verdict} on {result.device} ({result.provider}): {result.checked} golden vectors, "
            f"{result.labels_equal} labels equal, largest relative error {result.max_relative_error:.1e} "
            f"(allowed {result.tolerance:.0e}), weights {'unchanged' if result.digest_matches else 'CHANGED'}"
        )
        if not result.passed:
            show(f"because {shown(result.reason)}.")
    if not result.passed:
        raise typer.Exit(1)
