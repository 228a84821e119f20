"""`inspect`, `convolve`, `zoo`, `explain` and `dream` as a user types them."""

from pathlib import Path

import pytest
from support.command import Finished, edgecnn

pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

MATRIX = "3 3 2 1 0 / 0 0 1 3 1 / 3 1 2 2 3 / 2 0 0 2 2 / 2 0 0 0 1"
KERNEL = "0 1 2 / 2 2 0 / 0 1 2"


def run(*arguments: object, code: int = 0) -> Finished:
    done = edgecnn(*arguments)
    assert done.code == code, done
    assert "Traceback" not in done.err
    return done


def test_convolve_prints_the_trace_and_the_result():
    out = run("convolve", MATRIX, "--kernel", KERNEL).out
    assert out.count("window at") == 9
    assert out.endswith("result 3×3\n12 12 17\n10 17 19\n 9  6 14\n")
    lines = run("convolve", MATRIX, "--kernel", KERNEL, "--stride", "2", "--json").lines
    assert lines[-1] == {"result": [[12, 17], [9, 14]]}


@pytest.mark.parametrize("suffix", [".png", ".gif", ".html"])
def test_convolve_writes_pictures_and_pages(tmp_path: Path, suffix: str):
    target = tmp_path / f"window{suffix}"
    run("convolve", MATRIX, "--kernel", "sobel_x", "--output", str(target))
    assert target.stat().st_size > 1000


def test_convolve_refuses_in_one_sentence(tmp_path: Path):
    assert "ragged" in run("convolve", "1 2 / 3", "--kernel", "box", code=2).err
    assert (
        "expected .png, .gif or .html"
        in run("convolve", MATRIX, "--kernel", "box", "-o", str(tmp_path / "a.txt"), code=2).err
    )
    assert "either --kernel or --pool" in run("convolve", MATRIX, code=2).err


def test_a_page_and_a_sheet_keep_to_their_endings(tmp_path: Path, sample_images: Path):
    photo = str(sample_images / "pizza.jpg")
    pages = (("explain", photo, "-o"), ("inspect", "-o"))
    for command, wrong in ((pages[0], "why.png"), (pages[1], "layers.txt"), (("explain", photo, "--png"), "why.txt")):
        done = run(*command, str(tmp_path / wrong), code=2)
        assert f"ends in {Path(wrong).suffix}; expected ." in done.err and done.out == "", done
    assert list(tmp_path.iterdir()) == []


def test_a_bias_is_a_number():
    assert (
        "the bias is nan; expected a number" in run("convolve", MATRIX, "--kernel", "box", "--bias", "nan", code=2).err
    )


def test_zoo_lists_networks_as_table_and_json():
    out = run("zoo").out
    assert out.index("LeNet-5") < out.index("AlexNet") < out.index("MobileNetV4")
    (row,) = run("zoo", "resnet-50", "--json").lines
    assert (row["year"], row["parameters"]) == (2015, 25_557_032)
    assert "the nearest" in run("zoo", "resnot", code=2).err


def test_inspect_and_explain_the_built_in_model(tmp_path: Path, sample_images: Path):
    from edgecnn_runtime.model_source import default_model_path

    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    rows = run("inspect", "--json").lines
    convolutions = [row for row in rows if row["operator"] == "Conv"]
    assert convolutions[0]["receptive_field"] == 3
    assert convolutions[-1]["jump"] == 32
    assert {row["precision"] for row in convolutions} == {"int8"}
    assert sum(row["parameters"] for row in rows) == pytest.approx(4.63e6, rel=0.01)
    page = tmp_path / "layers.html"
    picture = sample_images / "drake.jpg"
    out = run("inspect", "--profile", "--runs", "2", "--html", str(page), "--picture", str(picture)).out
    assert "Slowest nodes" in out
    assert "1000: tench" in out
    assert page.stat().st_size > 50_000
    why, sheet = tmp_path / "why.html", tmp_path / "why.png"
    done = run("explain", str(picture), "-o", str(why), "--png", str(sheet), "--class", "goldfish", "--json")
    (document,) = done.lines
    assert document["classes"][0]["label"] == "drake"
    assert document["classes"][-1]["label"] == "goldfish"
    assert why.stat().st_size > 100_000
    assert sheet.stat().st_size > 100_000
    assert "the nearest of" in run("inspect", "--layer", "conv_stemm", code=2).err
    assert "the nearest of" in run("explain", str(picture), "--class", "goldfisch", code=2).err


def test_dream_refuses_a_model_file_and_empty_wishes(tmp_path: Path):
    assert "give --layer NAME or --class NAME" in run("dream", "efficientnet_lite0", code=2).err
    (tmp_path / "model.onnx").write_bytes(b"")
    done = run("dream", str(tmp_path / "model.onnx"), "--layer", "a", code=1)
    assert "has no gradients; give what it was made from" in done.err
