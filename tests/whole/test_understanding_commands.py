"""`inspect`, `convolve`, `zoo`, `explain` and `dream` as a user types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

MATRIX = "3 3 2 1 0 / 0 0 1 3 1 / 3 1 2 2 3 / 2 0 0 2 2 / 2 0 0 0 1"
KERNEL = "0 1 2 / 2 2 0 / 0 1 2"


def edgecnn(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_convolve_prints_the_trace_and_the_result():
    out = edgecnn("convolve", MATRIX, "--kernel", KERNEL).stdout
    assert out.count("window at") == 9
    assert out.endswith("result 3×3\n12 12 17\n10 17 19\n 9  6 14\n")
    lines = edgecnn("convolve", MATRIX, "--kernel", KERNEL, "--stride", "2", "--json").stdout.splitlines()
    assert json.loads(lines[-1]) == {"result": [[12, 17], [9, 14]]}


@pytest.mark.parametrize("suffix", [".png", ".gif", ".html"])
def test_convolve_writes_pictures_and_pages(tmp_path: Path, suffix: str):
    target = tmp_path / f"window{suffix}"
    edgecnn("convolve", MATRIX, "--kernel", "sobel_x", "--output", str(target))
    assert target.stat().st_size > 1000


def test_convolve_refuses_in_one_sentence(tmp_path: Path):
    assert "ragged" in edgecnn("convolve", "1 2 / 3", "--kernel", "box", code=1).stderr
    assert (
        "expected .png, .gif or .html"
        in edgecnn("convolve", MATRIX, "--kernel", "box", "-o", str(tmp_path / "a.txt"), code=1).stderr
    )
    assert "either --kernel or --pool" in edgecnn("convolve", MATRIX, code=1).stderr
