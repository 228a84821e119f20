"""The command as a whole: help, mistyped names, exit codes, completion."""

import sys
from pathlib import Path

import pytest
from support.command import edgecnn, python, run
from typer.testing import CliRunner

from edgecnn.cli.main import COMMANDS, app


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_short_help_with_an_example(command):
    done = CliRunner().invoke(app, [command, "-h"])
    assert done.exit_code == 0, done.output
    assert f"Example: edgecnn {command}" in done.output


def test_it_runs_as_a_module_too():
    done = python("-m", "edgecnn", "--version")
    assert (done.code, done.out.split()[0]) == (0, "edgecnn"), done


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clasify", "photo.jpg"], "Did you mean 'classify'?"),
        (["classify", "photo.jpg", "--tpo", "3"], "--top"),
        (["classify"], "Missing argument"),
        (["bench", "default", "--runs", "1"], "1 is not in the range"),
        (["inspect", "--picture", "photo.jpg"], "--picture is for the page"),
    ],
)
def test_wrong_usage_has_one_exit_code_whoever_finds_it(arguments, said):
    done = edgecnn(*arguments)
    assert (done.code, done.out) == (2, ""), done
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_error_that_is_no_wrong_usage_has_another():
    assert edgecnn("classify", "absent.jpg").code == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "command", ["zoo --json", "verify default", "classify school_bus.jpg --csv", "--version", "zoo --help"]
)
def test_a_full_disk_behind_standard_output_is_one_sentence(command, sample_images):
    done = run("bash", "-c", f"{sys.executable} -m edgecnn {command} > /dev/full", cwd=sample_images)
    assert (done.code, done.err) == (1, "error: the output cannot be written: No space left on device.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="bash is no Windows shell")
def test_completion_is_installed_and_completes_commands_and_options(tmp_path):
    # From a shell, as a user types it: which one it is, the command finds out by its parent process.
    done = run("bash", "-c", f"{sys.executable} -m edgecnn --install-completion; exit $?", env={"HOME": str(tmp_path)})
    assert done.code == 0, done
    assert "edgecnn.sh" in (tmp_path / ".bashrc").read_text()
    for words, position, completed in (("edgecnn cla", 1, "classify"), ("edgecnn classify --cs", 2, "--csv")):
        asked = {"_EDGECNN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        assert edgecnn(env=asked).out.split() == [completed]
