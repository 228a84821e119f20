import json
import os

import numpy as np
import onnx
import pytest
from edgecnn_export.package import build_card, pack, write_model_file
from edgecnn_runtime import Classifier, EdgecnnError, ModelFile, ModelFileError, OptionError, verify
from onnx import numpy_helper
from support.command import python
from support.models import LABELS, card_of, packed, pixel_graph, random_pixels

FP32 = {"kind": "fp32", "reason": "asked for"}


def test_the_card_holds_every_field_of_the_format():
    card = card_of(packed(24, 40))
    assert card["format"] == 1
    assert card["task"] == "classify"
    assert card["labels"] == list(LABELS)
    assert card["input"] == {
        "name": "pixels",
        "height": 24,
        "width": 40,
        "dtype": "uint8",
        "layout": "NHWC",
        "colour": "RGB",
    }
    assert card["outputs"] == {
        "logits": "logits",
        "features": {"name": "features", "weights": "weights", "transposed": False},
    }
    assert card["preprocess"]["resize_to"] == 44
    assert card["source"]["versions"]["onnxruntime"]
    assert len(card["source"]["created"]) == 10
    assert card["golden"]["tolerance"] == {"cpu": 1e-3, "other": 2e-2}


def test_one_json_document_under_one_key_and_nothing_beside_it():
    model = onnx.load_model_from_string(packed())
    assert [entry.key for entry in model.metadata_props] == ["edgecnn"]
    assert "Grün & 猫" in model.metadata_props[0].value
    assert model.producer_name == "edgecnn"
    assert json.loads(model.metadata_props[0].value)["name"] == "colors"


def test_packing_twice_gives_the_same_bytes():
    graph = pixel_graph()
    card = build_card(graph, precision=FP32, measured={})
    pictures = list(random_pixels(4))
    assert pack(graph.model, card, pictures) == pack(graph.model, card, pictures)
    assert not graph.model.metadata_props


def test_a_packed_file_proves_itself():
    assert verify(packed(), device="cpu").passed


def test_networks_that_give_no_finite_logits_are_refused():
    graph = pixel_graph()
    graph.model.graph.initializer[1].CopyFrom(
        numpy_helper.from_array(np.full((len(LABELS), 3), np.nan, np.float32), "weights")
    )
    with pytest.raises(ModelFileError, match=r"logits are not finite \(NaN or infinity\); check its weights"):
        pack(graph.model, build_card(graph, precision=FP32, measured={}), list(random_pixels(1)))


def test_no_pictures_make_no_golden_vectors():
    graph = pixel_graph()
    with pytest.raises(OptionError, match="there are no pictures to make golden vectors from"):
        pack(graph.model, build_card(graph, precision=FP32, measured={}), [])


def test_writing_to_odd_places_is_refused_in_words(tmp_path):
    with pytest.raises(OptionError, match="is a folder; expected the name of a file to write"):
        write_model_file(packed(), tmp_path)
    with pytest.raises(EdgecnnError, match="cannot be written: No such file or directory; nothing was changed"):
        write_model_file(packed(), tmp_path / "absent" / "model.onnx")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EdgecnnError, match="cannot be written: is no regular file; nothing was changed"):
        write_model_file(packed(), tmp_path / "pipe")


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "model.onnx"
    write_model_file(packed(), path)
    program = (
        "import resource, sys\n"
        "from edgecnn_export.package import write_model_file\n"
        "from edgecnn_runtime import EdgecnnError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n    write_model_file(bytes(1_000_000), sys.argv[1])\n"
        "except EdgecnnError as error:\n    print(error)\n"
    )
    done = python("-c", program, path)
    assert "cannot be written: File too large; nothing was changed." in done.out, done
    assert path.read_bytes() == packed()
    assert list(tmp_path.iterdir()) == [path]
    assert Classifier(path).labels == LABELS


def test_the_digest_is_that_of_the_written_graph():
    assert card_of(packed())["golden"]["sha256"] == ModelFile.load(packed()).digest
