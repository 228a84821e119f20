import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from edgecnn_runtime import Classifier, ModelFile, verify
from support.command import edgecnn
from support.models import LABELS, card_of, float_model, packed, random_pixels
from support.networks import Small

TESTS = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    (tmp_path / "foreign.onnx").write_bytes(float_model().SerializeToString())
    (tmp_path / "own_network.py").write_text("from support.networks import make\n")
    return tmp_path


FOREIGN = [
    "foreign.onnx",
    "-o",
    "model.onnx",
    "--labels",
    "labels.txt",
    "--size",
    "32",
    "--mean",
    "0.5",
    "--std",
    "0.25",
]


def test_somebodys_own_network_becomes_a_proven_file(place):
    torch.save(Small().state_dict(), place / "w.pth")
    done = edgecnn(
        *("export", "own_network:make", "-o", "model.onnx", "--labels", "labels.txt", "--size", "24x32"),
        *("--mean", "0.4,0.5,0.6", "--std", "0.2", "--kernel", "bicubic", "--name", "mine", "--license", "MIT"),
        *("--weights", "w.pth", "--json"),
        cwd=place,
        env={"PYTHONPATH": TESTS},
    )
    assert done.code == 0, done
    (line,) = done.lines
    assert (line["path"], line["name"], line["precision"]) == ("model.onnx", "mine", "fp32")
    assert line["check"]["pictures"] == line["check"]["same_label"] == 8
    assert line["check"]["max_relative_error"] < 1e-4
    model = ModelFile.load(place / "model.onnx")
    assert (model.height, model.width, model.labels, model.card.license) == (24, 32, LABELS, "MIT")
    assert model.preprocess.kernel == "bicubic"
    assert model.card.source["weights"] == "w.pth"
    assert model.features is not None
    assert verify(place / "model.onnx", device="cpu").passed


def test_a_foreign_onnx_becomes_a_model_file(place):
    done = edgecnn("export", *FOREIGN, "--resize", "letterbox", cwd=place)
    assert done.code == 0, done
    assert "model.onnx: foreign, fp32, 0." in done.out
    assert "checked against foreign.onnx in ONNX Runtime" in done.out
    assert "next: edgecnn classify photo.jpg --model model.onnx" in done.out
    classifier = Classifier(place / "model.onnx", device="cpu")
    assert classifier.model.preprocess.resize == "letterbox"
    assert classifier.logits(random_pixels(2)).shape == (2, 4)


def test_statistics_of_another_unit_are_converted_aloud_and_the_preprocessing_is_printed(place):
    done = _export(place, "--mean", "127.5", "--std", "63.75")
    assert done.code == 0, done
    assert "are in units of 0 to 255; taken as --mean 0.5,0.5,0.5 --std 0.25,0.25,0.25" in done.err
    assert "the output output holds logits" in done.out
    assert "preprocessing: 32×32 pixels (--size), short side to 32, center crop (assumed)" in done.out
    assert "mean 0.5 0.5 0.5 (--mean), std 0.25 0.25 0.25 (--std)" in done.out


def test_own_pictures_serve_for_the_check(place, sample_images):
    done = edgecnn("export", *FOREIGN, "--check", sample_images, "--json", cwd=place)
    assert done.lines[0]["check"]["pictures"] == len(list(sample_images.glob("*.jpg")))


@pytest.mark.slow
def test_the_real_network_gives_its_answers_end_to_end(tmp_path, sample_images):
    done = edgecnn("export", "efficientnet_lite0", "-o", tmp_path / "lite0.onnx", timeout_s=300)
    assert done.code == 0, done
    assert "same label on 8" in done.out
    found = edgecnn("classify", sample_images / "school_bus.jpg", "--model", tmp_path / "lite0.onnx", "--json").lines
    assert found[0]["predictions"][0]["label"] == "school bus"
    assert edgecnn("verify", tmp_path / "lite0.onnx").code == 0
    assert card_of((tmp_path / "lite0.onnx").read_bytes())["measured"]["check"]["max_relative_error"] < 1e-4


@pytest.mark.slow
def test_a_small_torchvision_network_with_random_weights(tmp_path):
    done = edgecnn(
        *("export", "torchvision:squeezenet1_1", "--random-weights", "--size", "64", "-o", "model.onnx"),
        cwd=tmp_path,
        env=OFFLINE,
        timeout_s=300,
    )
    assert done.code == 0, done
    card = card_of((tmp_path / "model.onnx").read_bytes())
    assert card["source"]["weights"] == "random, seed 0"
    assert card["licence"] == "unknown (random weights)"
    assert len(card["labels"]) == 1000


def test_without_a_network_the_way_out_is_shown(tmp_path):
    done = edgecnn(
        *("export", "torchvision:squeezenet1_1", "-o", "model.onnx"),
        cwd=tmp_path,
        env={**OFFLINE, "TORCH_HOME": str(tmp_path / "hub"), "no_proxy": "", "NO_PROXY": ""},
        timeout_s=60,
    )
    assert (done.code, done.out) == (1, "")
    assert "cannot be downloaded from https://download.pytorch.org" in done.err
    assert "or try the network out with --random-weights" in done.err
    assert not (tmp_path / "model.onnx").exists()


def test_weights_with_code_in_them_are_refused(place):
    code = "import builtins\nclass Evil:\n    def __reduce__(self): return (builtins.open, ('ran', 'w'))\n"
    (place / "evil_maker.py").write_text(code)
    program = "import torch, evil_maker; torch.save({'head.weight': evil_maker.Evil()}, 'evil.pth')"
    edgecnn("--version", cwd=place, before=f"import sys; sys.path.insert(0, '.'); {program}")
    assert (place / "evil.pth").stat().st_size > 100
    done = edgecnn(
        *("export", "own_network:make", "-o", "model.onnx", "--labels", "labels.txt", "--size", "24"),
        *("--preprocess", "zero-one", "--weights", "evil.pth"),
        cwd=place,
        env={"PYTHONPATH": TESTS},
    )
    assert done.code == 2, done
    assert "evil.pth cannot be read safely" in done.err
    assert not (place / "ran").exists()
    assert not (place / "model.onnx").exists()


def test_the_normalization_of_a_network_of_ones_own_is_asked_for(place):
    own = ("export", "own_network:make", "-o", "model.onnx", "--labels", "labels.txt", "--size", "24")
    done = edgecnn(*own, cwd=place, env={"PYTHONPATH": TESTS})
    assert done.code == 2 and "give --mean and --std, or --preprocess with one of imagenet, zero-one" in done.err, done
    done = edgecnn(*own, "--preprocess", "none", "--mean", "0.5", cwd=place)
    assert done.code == 2 and "--preprocess stands for --mean and --std; give one or the other" in done.err, done
    done = edgecnn(*own, "--preprocess", "none", cwd=place, env={"PYTHONPATH": TESTS})
    assert done.code == 0, done
    pixels = np.full((24, 24, 3), 200, np.uint8)
    expected = Small().eval()(torch.full((1, 3, 24, 24), 200.0)).detach().numpy()
    np.testing.assert_allclose(Classifier(place / "model.onnx").logits(pixels[None]), expected, rtol=1e-4)


def test_a_checkpoint_is_a_source_and_what_was_stripped_is_said(place):
    state = {f"module.{name}": value for name, value in Small().state_dict().items()}
    torch.save({"state_dict": state}, place / "mine.ckpt")
    rest = ("--labels", "labels.txt", "--size", "24", "--preprocess", "zero-one", "-o", "model.onnx")
    known = {"PYTHONPATH": TESTS}
    done = edgecnn("export", "mine.ckpt", "--network", "own_network:make", *rest, cwd=place, env=known)
    assert done.code == 0, done
    assert "mine.ckpt: taken from its 'state_dict', 'module.' stripped from the names" in done.out
    done = edgecnn("export", "mine.ckpt", *rest, cwd=place)
    assert done.code == 2 and "mine.ckpt holds weights and does not say of which network; give it with" in done.err, (
        done
    )


def test_a_full_disk_leaves_the_old_file_whole(place):
    (place / "model.onnx").write_bytes(packed())
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    done = edgecnn("export", *FOREIGN, cwd=place, before=limit)
    assert done.code == 1, done
    assert "error: model.onnx cannot be written: File too large; nothing was changed." in done.err
    assert (place / "model.onnx").read_bytes() == packed()
    assert sorted(p.name for p in place.iterdir() if p.suffix != ".py") == ["foreign.onnx", "labels.txt", "model.onnx"]


def _export(place, *changes: str):
    return edgecnn("export", *FOREIGN, *changes, cwd=place)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (["-o", "absent/model.onnx"], 2, "the folder absent does not exist; make it, or choose another for model.onnx"),
        (["-o", "."], 2, "is a folder; expected the file to write, such as"),
        (["--size", "0"], 2, "--size is '0'; expected 224, or HEIGHTxWIDTH such as 160x120"),
        (["--size", "9x9x9"], 2, "--size is '9x9x9'"),
        (["--size", "48"], 1, "takes (32, 32, 3) (height, width, channels), preprocess gives (48, 48, 3)"),
        (["--mean", "a,b,c"], 2, "--mean is 'a,b,c'; expected three numbers such as 0.485,0.456,0.406"),
        (["--mean", "1,2"], 2, "--mean has 2 numbers; expected three, or one for all channels"),
        (["--std", "0"], 2, "std is (0.0, 0.0, 0.0); expected three numbers above 0"),
        (["--labels", "absent.txt"], 2, "the labels absent.txt cannot be read: No such file or directory"),
        (["--random-weights"], 2, "an .onnx file brings its own weights"),
        (["--precision", "int8"], 2, "int8 needs"),
        (["--check", "absent"], 2, "error: absent "),
    ],
)
def test_wrong_options_are_said_in_words(place, changes, code, message):
    (place / "model.onnx").write_bytes(b"old")
    done = _export(place, *changes)
    assert (done.code, done.out) == (code, ""), done
    assert message in done.err
    assert "Traceback" not in done.err
    assert (place / "model.onnx").read_bytes() == b"old"


def test_wrong_sources_are_said_in_words(place):
    (place / "own.onnx").write_bytes(packed())
    for source, options, code, message in (
        ("absent.onnx", [], 1, "absent.onnx cannot be read: No such file or directory"),
        ("foreign.onnx", [], 1, "so labels, preprocess, normalization must be given"),
        ("own.onnx", ["--size", "48"], 1, "preprocess came with a model file that has its own; leave them out"),
        ("lenet", [], 2, "the source 'lenet' is unknown; expected efficientnet_lite0"),
    ):
        done = edgecnn("export", source, "-o", "model.onnx", *options, cwd=place)
        assert (done.code, done.out) == (code, ""), done
        assert message in done.err
    assert edgecnn("export", "foreign.onnx").code == 2
    assert not (place / "model.onnx").exists()


def test_without_torch_the_line_to_type_is_shown(tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    done = edgecnn(
        *("export", "torchvision:resnet18", "-o", "model.onnx"), cwd=tmp_path, env={"PYTHONPATH": str(hidden)}
    )
    assert done.code == 1, done
    assert 'torch is not installed; type: pip install "edgecnn[export]"' in done.err


def test_an_own_file_goes_through_again_with_another_name(place):
    (place / "own.onnx").write_bytes(packed())
    done = edgecnn("export", "own.onnx", "-o", "own.onnx", "--name", "renamed", "--json", cwd=place)
    assert done.code == 0, done
    assert json.loads(done.out)["name"] == "renamed"
    assert verify(place / "own.onnx", device="cpu").passed
