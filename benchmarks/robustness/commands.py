"""An `edgecnn` command inside this process: its answer, its sentence as an edgecnn error, or its traceback."""

import re

from edgecnn_runtime import EdgecnnError

__all__ = ["RefusedError", "edgecnn"]

_COLORS = re.compile(r"\x1b\[[0-9;]*m")


class RefusedError(EdgecnnError):
    """The command ended with a sentence and an exit code that is not 0."""


def edgecnn(*arguments: object) -> str:
    """Run `edgecnn ARGUMENTS…` without starting a process, which takes seconds.

    Returns:
        What it wrote to standard output; a failed check's verdict, too.

    Raises:
        RefusedError: it printed an error, or ended with another code than 0.
        Exception: whatever a user would have seen as a traceback.
    """
    from typer.testing import CliRunner

    from edgecnn.cli.main import app

    done = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="edgecnn")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    said = _COLORS.sub("", done.stderr)
    # A check that failed is an answer, too: exit code 1 and a verdict on standard output.
    if done.exit_code and (said or not done.stdout):
        # Warnings come before the error, and wrong usage is drawn in a box.
        raise RefusedError(said.rpartition("error: ")[2].removesuffix("\n") or f"exit code {done.exit_code}, no word")
    return done.stdout
