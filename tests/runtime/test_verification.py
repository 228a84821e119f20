import base64
import copy

import numpy as np
import onnx
import pytest
from edgecnn_export.package import pack
from edgecnn_runtime import ModelFileError, verify
from edgecnn_runtime.golden import GoldenVector, decode_golden, encode_golden, expand_grid
from edgecnn_runtime.verification import relative_error
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from support.models import card_of, expected_logits, packed, random_pixels, with_card


def golden_edited(**changes: object) -> bytes:
    card = copy.deepcopy(card_of(packed()))
    card["golden"] |= changes
    return with_card(packed(), card)


def test_a_whole_file_passes():
    proof = verify(packed(), device="cpu")
    assert proof.passed
    assert proof.reason == ""
    assert (proof.checked, proof.labels_equal, proof.digest_matches) == (4, 4, True)
    assert proof.max_relative_error <= 1e-6
    assert proof.provider == "CPUExecutionProvider"


def test_the_default_model_passes():
    proof = verify(device="cpu")
    assert proof.passed, proof.reason
    assert proof.checked == 4


def test_one_bit_of_a_weight_fails():
    data = packed()
    stored = numpy_helper.to_array(onnx.load_model_from_string(data).graph.initializer[1]).tobytes()
    start = data.index(stored)
    for bit in (0, 9):  # lowest bits of a mantissa: no answer changes, and yet it is found
        damaged = bytearray(data)
        damaged[start + bit // 8] ^= 1 << bit % 8
        proof = verify(bytes(damaged), device="cpu")
        assert not proof.passed
        assert not proof.digest_matches
        assert proof.max_relative_error < 1e-4
        assert "the weights are not those that were written: their SHA-256 differs" in proof.reason


def test_an_answer_that_differs_fails():
    card = copy.deepcopy(card_of(packed()))
    vector = decode_golden(card["golden"]["vectors"][0], 4)
    card["golden"]["vectors"][0] = encode_golden(GoldenVector(vector.grid, vector.logits * np.float32(1.01)))
    proof = verify(with_card(packed(), card), device="cpu")
    assert proof.digest_matches
    assert not proof.passed
    assert proof.max_relative_error == pytest.approx(0.01 / 1.01, rel=1e-3)
    assert "above the tolerance of 0.001" in proof.reason


def nearly_tied() -> bytes:
    """A file whose classes all but tie, so that an error far below the tolerance changes the label."""
    model = onnx.load_model_from_string(packed())
    rows = np.full((4, 3), -8, np.float32)
    rows[3] += 1e-4
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(rows, "weights"))
    return pack(model, card_of(packed()), list(random_pixels(4)))


def test_a_label_that_changes_within_the_tolerance_fails():
    card = copy.deepcopy(card_of(nearly_tied()))
    for number in (1, 3):
        vector = decode_golden(card["golden"]["vectors"][number], 4)
        logits = vector.logits.copy()
        assert logits.argmax() == 3
        logits[2] = logits[3] + np.float32(1e-3)
        card["golden"]["vectors"][number] = encode_golden(GoldenVector(vector.grid, logits))
    proof = verify(with_card(nearly_tied(), card), device="cpu")
    assert proof.digest_matches
    assert proof.max_relative_error < proof.tolerance
    assert not proof.passed
    assert (proof.checked, proof.labels_equal) == (4, 2)
    assert proof.reason == (
        "the label of 2 of 4 changed: vector 2 is 'Grün & 猫' and was 'blue', vector 4 is 'Grün & 猫' and was 'blue'"
    )


def test_equal_classes_may_change_places():
    card = copy.deepcopy(card_of(nearly_tied()))
    vector = decode_golden(card["golden"]["vectors"][0], 4)
    card["golden"]["vectors"][0] = encode_golden(
        GoldenVector(vector.grid, np.full_like(vector.logits, vector.logits[3]))
    )
    proof = verify(with_card(nearly_tied(), card), device="cpu")
    assert proof.passed, proof.reason


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (golden_edited(vectors=[]), "holds no golden vectors, so it cannot prove itself"),
        (golden_edited(vectors="x"), "holds no golden vectors"),
        (golden_edited(tolerance={}), "tolerance for 'cpu' is None; expected a number from 0 to 1"),
        (golden_edited(tolerance={"cpu": 5}), "tolerance for 'cpu' is 5"),
        (golden_edited(tolerance={"cpu": True}), "tolerance for 'cpu' is True"),
        (golden_edited(vectors=[{}]), "golden vector in the model file is damaged .*'grid'"),
        (golden_edited(vectors=[{"grid": {"rows": 1, "columns": 1, "rgb": "!"}, "logits": ""}]), "is damaged"),
        (
            golden_edited(vectors=[{"grid": {"rows": float("inf"), "columns": 1, "rgb": ""}, "logits": ""}]),
            "is not JSON .Infinity",
        ),
    ],
)
def test_damaged_proofs_are_named(data, message):
    with pytest.raises(ModelFileError, match=message):
        verify(data, device="cpu")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 32), st.integers(1, 32), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_golden_vectors_come_back_bit_for_bit(rows, columns, classes, seed):
    random = np.random.default_rng(seed)
    vector = GoldenVector(
        random.integers(0, 256, (rows, columns, 3), dtype=np.uint8), random.normal(size=classes).astype(np.float32)
    )
    back = decode_golden(encode_golden(vector), classes)
    assert np.array_equal(back.grid, vector.grid)
    assert np.array_equal(back.logits, vector.logits)


def test_the_documented_arithmetic_rebuilds_a_golden_input():
    """What `docs/model-file.md` tells another language to do, in plain Python."""
    entry = card_of(packed(24, 40))["golden"]["vectors"][1]
    grid, rgb = entry["grid"], base64.b64decode(entry["grid"]["rgb"])
    assert len(rgb) == grid["rows"] * grid["columns"] * 3
    pixels = np.zeros((24, 40, 3), np.uint8)
    for y in range(24):
        for x in range(40):
            cell = (y * grid["rows"] // 24) * grid["columns"] + x * grid["columns"] // 40
            pixels[y, x] = list(rgb[cell * 3 : cell * 3 + 3])
    vector = decode_golden(entry, 4)
    assert np.array_equal(pixels, expand_grid(vector.grid, 24, 40))
    np.testing.assert_allclose(expected_logits(pixels[None])[0], vector.logits, atol=1e-4)


def test_what_is_not_finite_is_infinitely_wrong():
    fine = np.array([1.0, 2.0], np.float32)
    assert relative_error(np.array([1.0, np.nan], np.float32), fine) == float("inf")
    assert relative_error(np.array([1.0, np.inf], np.float32), fine) == float("inf")
    assert relative_error(np.array([1.0, 2.5], np.float32), fine) == pytest.approx(0.25)
    assert relative_error(np.zeros(2, np.float32), np.zeros(2, np.float32)) == 0
