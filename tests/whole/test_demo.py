import shutil
import sys
from pathlib import Path

import pytest
from support.command import python, run

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def test_an_untouched_clone_reaches_its_first_label(tmp_path):
    """What a newcomer does: `git clone`, `make demo`."""
    if not (shutil.which("git") and shutil.which("make") and (ROOT / ".git").exists()):
        pytest.skip("git, make or the repository's history is not here")
    index = ("--no-deps", "--retries", "0", "--timeout", "10")
    if python("-m", "pip", "download", *index, "-d", tmp_path / "asked", "typer").code:
        pytest.skip("pip or its package index cannot be reached")
    clone = tmp_path / "edgecnn"
    assert run("git", "clone", "--quiet", "--no-hardlinks", ROOT, clone).code == 0
    # The interpreter that every virtual environment is made from, as a newcomer's shell would find it.
    newcomer = dict.fromkeys(("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS"))
    interpreter = getattr(sys, "_base_executable", sys.executable)
    done = run("make", "demo", f"PYTHON={interpreter}", cwd=clone, env=newcomer, timeout_s=300)
    assert done.code == 0, done
    assert "school bus" in done.out
    assert "cpu (CPUExecutionProvider)" in done.out
