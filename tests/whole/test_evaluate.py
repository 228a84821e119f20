import sys
from pathlib import Path

import numpy as np
import pytest
from support.command import edgecnn, run
from support.models import card_of, packed, with_card
from support.pictures import BLUE, GREEN, RED, encoded, plain, save

from edgecnn.data import load_data
from edgecnn.data.split import sketch, write_split


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The three forms of one data set of four pictures, three of them right, beside two model files."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "model.onnx").write_bytes(packed())
    (folder / "other.onnx").write_bytes(packed(24, 24, name="other"))
    truth = [(RED, 0, "red"), (GREEN, 1, "green"), (BLUE, 2, "blue"), (RED, 2, "blue")]
    lines = ["file,label"]
    for i, (color, index, name) in enumerate(truth):
        save(plain(color), folder / "listed" / "images" / f"{i}.png")
        save(plain(color), folder / "classes" / name / f"{i}.png")
        lines.append(f"{i}.png,{index}")
    (folder / "listed" / "labels.csv").write_text("\n".join(lines))
    arrays = np.stack([np.asarray(plain(color)) for color, _, _ in truth])
    np.savez(folder / "set.npz", x_test=arrays, y_test=np.array([index for _, index, _ in truth]))
    return folder


@pytest.mark.parametrize("data", ["listed", "classes", "set.npz"])
def test_all_three_forms_give_the_same_figures(place, data):
    done = edgecnn("evaluate", "model.onnx", data, "--json", cwd=place)
    assert done.code == 0, done
    (line,) = done.lines
    assert list(line) == ["model", "count", "top1", "top5", "agreement", "images_per_second", "provider"]
    assert (line["model"], line["count"], line["top1"], line["top5"]) == ("model.onnx", 4, 0.75, 1.0)
    assert (line["agreement"], line["provider"]) == (None, "CPUExecutionProvider")
    assert line["images_per_second"] > 0


def test_a_reference_adds_agreement_and_people_see_the_confused_pair(place):
    done = edgecnn("evaluate", "model.onnx", "listed", "--reference", "other.onnx", cwd=place)
    assert done.code == 0, done
    assert "colors on listed: 4 pictures, CPUExecutionProvider" in done.out
    assert "top-1      75.00 %" in done.out
    assert "1 × blue taken for red" in done.out
    assert "agreement  100.00 % with other.onnx, 0 labels differ" in done.out
    (line,) = edgecnn("evaluate", "model.onnx", "listed", "--reference", "other.onnx", "--json", cwd=place).lines
    assert line["agreement"] == 1.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_the_figures_is_one_sentence(place):
    done = run("bash", "-c", f"{sys.executable} -m edgecnn evaluate model.onnx listed --json > /dev/full", cwd=place)
    assert (done.code, done.err) == (1, "error: the output cannot be written: No space left on device.\n")


def test_the_default_model_has_a_name(sample_images, tmp_path):
    for name in ("school_bus", "volcano"):
        data = (sample_images / f"{name}.jpg").read_bytes()
        (tmp_path / name.replace("_", " ")).mkdir()
        (tmp_path / name.replace("_", " ") / "a.jpg").write_bytes(data)
    (line,) = edgecnn("evaluate", "default", tmp_path, "--json").lines
    assert (line["count"], line["top1"]) == (2, 1.0)


def test_the_pictures_that_a_run_learned_from_are_left_out(place, tmp_path):
    for name, color in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        for number in range(5):
            save(plain(color, (40 + number, 40)), tmp_path / "photos" / name / f"{number}.png")
    data = load_data(str(tmp_path / "photos"), size=8)
    (tmp_path / "run").mkdir()
    write_split(tmp_path / "run", data.split)
    card = card_of(packed())
    (tmp_path / "model.onnx").write_bytes(with_card(packed(), {**card, "source": {"data": "photos"}}))
    done = edgecnn("evaluate", "model.onnx", "photos", "--run", "run", "--json", cwd=tmp_path)
    assert done.code == 0, done
    assert (done.lines[0]["count"], done.lines[0]["top1"]) == (3, 1.0)
    assert "12 of 15 pictures of photos are left out: run was trained on them." in done.err
    done = edgecnn("evaluate", "model.onnx", "photos", "--json", cwd=tmp_path)
    assert done.lines[0]["count"] == 15
    assert "was trained on a data set called photos: give its run with --run" in done.err


def test_a_model_knows_the_pictures_it_learned_from_whatever_they_are_called(place, tmp_path):
    for name, color in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        for number in range(5):
            save(plain(color, (40 + number, 40)), tmp_path / "photos" / name / f"{number}.png")
            save(plain(color, (50 + number, 40)), tmp_path / "new" / name / f"{number}.png")
    learned = " ".join(sketch(load_data(str(tmp_path / "photos"), size=8).split))
    (tmp_path / "photos").rename(tmp_path / "renamed")
    source = {"data": "new", "learned_from": learned}
    (tmp_path / "model.onnx").write_bytes(with_card(packed(), {**card_of(packed()), "source": source}))
    done = edgecnn("evaluate", "model.onnx", "renamed", "--json", cwd=tmp_path)
    assert "The network learned from pictures of renamed" in done.err and "--run" in done.err, done
    done = edgecnn("evaluate", "model.onnx", "new", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, ""), done


def test_wrong_data_is_said_in_words(place, tmp_path):
    save(plain(RED), tmp_path / "purple" / "a.png")
    done = edgecnn("evaluate", place / "model.onnx", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert f"'purple' in {tmp_path.name} is no class of the model; expected classes named red, green, blue" in done.err
    done = edgecnn("evaluate", place / "model.onnx", place / "listed", "--reference", "default")
    assert done.code == 2
    assert "have different labels; their answers cannot be compared" in done.err
    (tmp_path / "broken" / "red").mkdir(parents=True)
    (tmp_path / "broken" / "red" / "a.jpg").write_bytes(encoded(plain(RED), "JPEG")[:100])
    done = edgecnn("evaluate", place / "model.onnx", tmp_path / "broken")
    assert done.code == 1
    assert "1 of the 1 pictures in broken cannot be read" in done.err
    assert edgecnn("evaluate", place / "model.onnx").code == 2
