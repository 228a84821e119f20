import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def test_an_untouched_clone_reaches_its_first_label(tmp_path):
    """What a newcomer does: `git clone`, `make demo`."""
    if not (shutil.which("git") and shutil.which("make") and (ROOT / ".git").exists()):
        pytest.skip("git, make or the repository's history is not here")
    asked = [sys.executable, "-m", "pip", "download", "--no-deps", "--retries", "0", "--timeout", "10", "typer"]
    if subprocess.run([*asked, "-d", tmp_path / "asked"], capture_output=True, check=False).returncode:
        pytest.skip("pip or its package index cannot be reached")
    clone = tmp_path / "edgecnn"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], capture_output=True, check=True)
    # The interpreter that every virtual environment is made from, as a newcomer's shell would find it.
    python = getattr(sys, "_base_executable", sys.executable)
    environment = {
        key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS")
    }
    done = subprocess.run(
        ["make", "demo", f"PYTHON={python}"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "school bus" in done.stdout
    assert "cpu (CPUExecutionProvider)" in done.stdout
