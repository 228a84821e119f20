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


def test_zoo_lists_networks_as_table_and_json():
    out = edgecnn("zoo").stdout
    assert out.index("LeNet-5") < out.index("AlexNet") < out.index("MobileNetV4")
    row = json.loads(edgecnn("zoo", "resnet-50", "--json").stdout)
    assert (row["year"], row["parameters"]) == (2015, 25_557_032)
    assert "the nearest" in edgecnn("zoo", "resnot", code=1).stderr


def test_inspect_and_explain_the_built_in_model(tmp_path: Path, sample_images: Path):
    from edgecnn_runtime.model_file import default_model_path

    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    rows = [json.loads(line) for line in edgecnn("inspect", "--json").stdout.splitlines()]
    convolutions = [row for row in rows if row["operator"] == "Conv"]
    assert convolutions[0]["receptive_field"] == 3
    assert convolutions[-1]["jump"] == 32
    assert {row["precision"] for row in convolutions} == {"int8"}
    assert sum(row["parameters"] for row in rows) == pytest.approx(4.63e6, rel=0.01)
    page = tmp_path / "layers.html"
    picture = sample_images / "drake.jpg"
    out = edgecnn("inspect", "--profile", "--runs", "2", "--html", str(page), "--picture", str(picture)).stdout
    assert "Slowest nodes" in out
    assert "1000: tench" in out
    assert page.stat().st_size > 50_000
    why, sheet = tmp_path / "why.html", tmp_path / "why.png"
    done = edgecnn("explain", str(picture), "-o", str(why), "--png", str(sheet), "--class", "goldfish", "--json")
    document = json.loads(done.stdout)
    assert document["classes"][0]["label"] == "drake"
    assert document["classes"][-1]["label"] == "goldfish"
    assert why.stat().st_size > 100_000
    assert sheet.stat().st_size > 100_000
    assert "the nearest of" in edgecnn("inspect", "--layer", "conv_stemm", code=1).stderr
    assert "the nearest of" in edgecnn("explain", str(picture), "--class", "goldfisch", code=1).stderr


def test_dream_refuses_a_model_file_and_empty_wishes(tmp_path: Path):
    assert "give --layer NAME or --class NAME" in edgecnn("dream", "efficientnet_lite0", code=1).stderr
    (tmp_path / "model.onnx").write_bytes(b"")
    done = edgecnn("dream", str(tmp_path / "model.onnx"), "--layer", "a", code=1)
    assert "has no gradients; give what it was made from" in done.stderr
