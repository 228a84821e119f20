"""The `edgecnn` command: a table of commands, each loaded when called, and one place where errors become words."""

import errno
import functools
import importlib
import io
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer
import typer.core
from edgecnn_runtime.errors import EdgecnnError, OptionError

import edgecnn
from edgecnn.children import run_child
from edgecnn.cli.escape import escaped
from edgecnn.cli.output import Verbosity, complain, detail, set_verbosity, shown, warn

__all__ = ["COMMANDS", "app", "main"]

# Only the command that runs is imported: `classify` must not wait for what `train` needs.
COMMANDS: dict[str, str] = {
    "classify": "edgecnn.cli.classify:classify",
    "camera": "edgecnn.cli.camera:camera",
    "export": "edgecnn.cli.export:export",
    "train": "edgecnn.cli.train:train",
    "evaluate": "edgecnn.cli.evaluate:evaluate",
    "verify": "edgecnn.cli.verify:verify",
    "inspect": "edgecnn.cli.inspect:inspect",
    "explain": "edgecnn.cli.explain:explain",
    "convolve": "edgecnn.cli.convolve:convolve",
    "dream": "edgecnn.cli.dream:dream",
    "zoo": "edgecnn.cli.zoo:zoo",
    "bench": "edgecnn.cli.bench:bench",
    "doctor": "edgecnn.cli.doctor:doctor",
}

_ANYWHERE = {"--quiet", "--verbose", "--debug"}  # options that `main` takes out wherever they stand
_VERSIONS = ("edgecnn", "onnxruntime", "numpy", "pillow", "torch")  # beginnings of the names of packages
_HELP = {"help_option_names": ["-h", "--help"]}
_WRONG_USAGE = 2  # as the parser of the command line has it
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _LazyGroup(typer.core.TyperGroup):
    """A group whose commands are imported when they are asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        names: dict[str, Any] = dict.fromkeys(COMMANDS)
        self.commands.update(names)  # from these a mistyped name gets its suggestion

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
        single.command(cmd_name, context_settings=_HELP)(
            _errors_as_words(getattr(importlib.import_module(module), function))
        )
        return typer.main.get_command(single)


app = typer.Typer(
    cls=_LazyGroup,
    name="edgecnn",
    help="Take an image-classification CNN to a device, and prove that the answer is still right there.",
    epilog="Example: edgecnn classify photo.jpg",
    context_settings=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"edgecnn {edgecnn.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _quiet: Annotated[
        bool, typer.Option("--quiet", help="Results, warnings and errors only; at any place, like the next two.")
    ] = False,
    _verbose: Annotated[
        bool, typer.Option("--verbose", help="Also tell versions, paths, and what was chosen or assumed.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that go with every command."""


def main() -> None:
    """Entry point: exit code 0 on success, 1 on an error or a failed check, 2 on wrong usage."""
    if run_child():
        return
    _print_any_name()
    arguments = sys.argv[1:]
    ends = arguments.index("--") if "--" in arguments else len(arguments)
    asked = _ANYWHERE.intersection(arguments[:ends])
    _Debug.wanted = "--debug" in asked
    if {"--quiet", "--verbose"} <= asked:
        _complain("--quiet and --verbose exclude each other.")
        sys.exit(_WRONG_USAGE)
    if "--quiet" in asked:
        set_verbosity(Verbosity.QUIET)
    if "--verbose" in asked:
        set_verbosity(Verbosity.VERBOSE)
        _tell_versions()
    try:
        app(args=[word for word in arguments[:ends] if word not in asked] + arguments[ends:], prog_name="edgecnn")
    except OSError as error:  # of help and version, too
        if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        if error.errno == errno.ENOSPC:
            _complain(f"the output cannot be written: {error.strerror}.")
        # A reader that has gone (head, a pager) has seen enough; a second complaint at exit would be noise.
        sys.stdout = None
        sys.exit(1)


def _tell_versions() -> None:
    import importlib.metadata
    import platform

    versions = {
        f"{found.name} {found.version}"
        for found in importlib.metadata.distributions()
        if found.name.lower().startswith(_VERSIONS)
    }
    detail(", ".join((f"Python {platform.python_version()}", *sorted(versions))))


def _print_any_name() -> None:
    """File names keep bytes that are no UTF-8, and a terminal that lacks a letter shows its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


class _Debug:
    wanted = False


def _errors_as_words(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with errors printed as one sentence and warnings as one line, both on standard error."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                command(*args, **kwargs)
                sys.stdout.flush()
            except EdgecnnError as error:
                _complain(str(error))
                raise typer.Exit(_WRONG_USAGE if isinstance(error, OptionError) else 1) from None
            except MemoryError:
                _complain(
                    "there is not enough memory for this; close other programs, or raise the limit if one is set."
                )
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                _complain("interrupted.")
                raise typer.Exit(_INTERRUPTED) from None

    return run


def _complain(sentence: str) -> None:
    if _Debug.wanted:
        typer.echo(escaped(traceback.format_exc()), err=True)
    complain(sentence)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, (DeprecationWarning, FutureWarning)):
        return
    warn(shown(message))
