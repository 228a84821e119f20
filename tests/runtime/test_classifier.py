import multiprocessing
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from edgecnn_runtime import Classifier, ImageError, ModelFileError, Normalization, Preprocess
from edgecnn_runtime.class_activation import class_activation_map
from edgecnn_runtime.model_source import default_model_path
from edgecnn_runtime.result import softmax
from support.command import python
from support.models import LABELS, expected_logits, float_model, packed, random_pixels, weights
from support.pictures import BLUE, GREEN, RED, encoded, plain, scene


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(packed(), device="cpu", threads=1)


def test_logits_are_the_networks(classifier):
    pixels = random_pixels(5)
    logits = classifier.logits(pixels)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected_logits(pixels), atol=1e-4)


@pytest.mark.parametrize(("color", "label"), [(RED, "red"), (GREEN, "green"), (BLUE, "blue")])
def test_every_kind_of_source_gives_the_same_answer(classifier, tmp_path, color, label):
    image = plain(color)
    path = tmp_path / "picture.png"
    image.save(path)
    for source in (path, str(path), path.read_bytes(), image, np.asarray(image), path.open("rb")):
        result = classifier(source)
        assert result.label == LABELS[result.index] == label
        assert result.score > 0.9
        assert result.device == "cpu"
        assert result.provider == "CPUExecutionProvider"
    assert classifier(path).source == str(path)


def test_a_result_tells_everything(classifier):
    result = classifier(plain(RED))
    assert [p.label for p in result.top(2)] == ["red", result.predictions[1].label]
    assert len(result.predictions) == 4
    assert sum(p.score for p in result.predictions) == pytest.approx(1, abs=1e-6)
    assert result.top(99) == result.predictions
    assert result.top(0) == ()
    scores = [p.score for p in result.predictions]
    assert scores == sorted(scores, reverse=True)
    assert result.timing_ms.inference > 0
    assert result.timing_ms.total >= result.timing_ms.inference
    assert str(result).startswith("<Image>: red 100.0% (cpu, ")


def test_softmax_survives_large_logits():
    values = softmax(np.array([1000.0, 999.0, -1000.0], np.float32))
    assert values.dtype == np.float32
    assert values == pytest.approx([0.7310586, 0.2689414, 0.0])


def test_pictures_of_extreme_shape_get_an_answer(classifier):
    for size in ((1, 1), (1, 10_000), (10_000, 1)):
        assert classifier(plain(GREEN, size)).label == "green"


def test_a_foreign_float_file_gives_the_same_logits_in_both_layouts():
    pixels = random_pixels(3)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    scaled = ((pixels / 255 - mean) / std).clip(0).mean(axis=(1, 2)) @ weights().T
    for channels_last in (False, True):
        classifier = Classifier(
            float_model(channels_last=channels_last).SerializeToString(),
            labels=LABELS,
            preprocess=Preprocess(32, 32),
            normalization=Normalization(mean, std),
        )
        assert classifier.model.channels_last is channels_last
        np.testing.assert_allclose(classifier.logits(pixels), scaled, rtol=1e-4, atol=1e-3)


def test_a_foreign_file_that_ends_in_softmax_is_not_squashed_twice():
    model = float_model(given="scores")
    about = {"labels": LABELS, "preprocess": Preprocess(32, 32), "normalization": Normalization()}
    plain = Classifier(model.SerializeToString(), **about).classify_pixels(random_pixels(1)[0])
    model.graph.node.append(onnx.helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1))
    model.graph.output[0].name = "probabilities"
    squashed = Classifier(model.SerializeToString(), **about).classify_pixels(random_pixels(1)[0])
    np.testing.assert_allclose(squashed.probabilities, plain.probabilities, atol=1e-6)


def test_an_activation_map_is_the_weighted_sum_of_the_feature_map():
    features = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    heat = class_activation_map(features, weights(), 1)
    assert heat.dtype == np.float32
    np.testing.assert_allclose(heat, sum(w * f for w, f in zip(weights()[1], features, strict=True)), rtol=1e-6)


def test_class_weights_and_activation_map(classifier):
    assert np.array_equal(classifier.class_weights(), weights())
    left_red = np.zeros((32, 32, 3), np.uint8)
    left_red[:, :16, 0] = 255
    heat = classifier.class_activation_map(left_red, LABELS.index("red"))
    assert heat.shape == (32, 32)
    assert heat[:, :16].min() > heat[:, 16:].max()
    with pytest.raises(ModelFileError, match="has no features output, so there is no class activation map"):
        Classifier(
            float_model().SerializeToString(),
            labels=LABELS,
            preprocess=Preprocess(32, 32),
            normalization=Normalization(),
        ).class_activation_map(left_red)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((1, 32, 32, 3), np.float32), r"got pixels float32 \(1, 32, 32, 3\); expected uint8 \(N, 32, 32, 3\)"),
        (np.zeros((32, 32, 3), np.uint8), r"got pixels uint8 \(32, 32, 3\)"),
        (np.zeros((1, 3, 32, 32), np.uint8), r"use prepare\(\)"),
        ([1], "got pixels list; expected uint8"),
    ],
)
def test_wrong_pixels_are_named(classifier, pixels, message):
    with pytest.raises(ImageError, match=message):
        classifier.logits(pixels)


def test_an_unknown_output_is_named(classifier):
    with pytest.raises(ModelFileError, match="has no output 'embedding'; expected one of features, logits"):
        classifier.run(random_pixels(1), ["embedding"])
    with pytest.raises(ModelFileError, match=r"has no output 'x+…x+'; expected one of"):
        classifier.run(random_pixels(1), ["x" * 500])


def test_eight_threads_get_the_same_answers():
    classifier = Classifier(device="cpu", threads=1)
    pictures = [scene(320, 240, seed) for seed in range(8)]
    expected = [classifier(picture).logits for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: classifier(pictures[i % 8]).logits, range(48)))
    for i, logits in enumerate(answers):
        assert np.array_equal(logits, expected[i % 8])


def test_plain_onnx_runtime_gives_the_same_logits_on_the_same_pixels(sample_images):
    classifier = Classifier(device="cpu")
    pixels = classifier.prepare(sample_images / "school_bus.jpg")
    session = onnxruntime.InferenceSession(classifier.model.data, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"pixels": pixels[None]})
    assert np.array_equal(logits, classifier.logits(pixels[None]))


def _run(program: Path, *arguments: object) -> str:
    done = python(program, *arguments)
    assert done.code == 0, done
    return done.out


def test_the_sample_without_edgecnn_gives_the_same_answer(sample_images, tmp_path):
    program = sample_images.parent / "plain_onnxruntime.py"
    odd = scene(98, 131)  # int(98 * (256 / 98)) is 255: rounding that a sample must not copy
    odd.save(tmp_path / "odd.png")
    for picture in (sample_images / "school_bus.jpg", tmp_path / "odd.png"):
        result = Classifier(device="cpu", exact=True)(picture)
        label, _, logit = _run(program, default_model_path(), picture).strip().rpartition(" ")
        assert label == result.label
        assert float(logit) == pytest.approx(float(result.logits.max()), rel=0.02)
    assert not re.search(r"^(from|import) edgecnn", program.read_text(), re.MULTILINE)


def test_the_embedding_sample_runs(sample_images):
    said = _run(sample_images.parent / "embed.py", sample_images / "school_bus.jpg", "absent.jpg")
    assert "school_bus.jpg: school bus 8" in said
    assert "skipped: absent.jpg cannot be read" in said


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_not_finite_are_an_error_everywhere(value):
    model = float_model()
    (linear,) = (tensor for tensor in model.graph.initializer if tensor.name == "weights")
    broken = onnx.numpy_helper.to_array(linear).copy()
    broken[2] = value
    linear.CopyFrom(onnx.numpy_helper.from_array(broken, "weights"))
    plain_file = {"labels": LABELS, "preprocess": Preprocess(32, 32), "normalization": Normalization()}
    classifier = Classifier(model.SerializeToString(), device="cpu", **plain_file)
    sentence = r"on cpu: the network's logits are not finite \(NaN or infinity\); check its weights and normalization"
    for ask in (
        lambda: classifier(plain(RED)),
        lambda: classifier.logits(random_pixels(2)),
        lambda: classifier.classify_pixels(random_pixels(1)[0]),
        lambda: list(classifier.stream([plain(RED)])),
    ):
        with pytest.raises(ModelFileError, match=sentence):
            ask()
    (failure,) = classifier.stream([plain(RED)], errors="yield")
    assert isinstance(failure.error, ModelFileError)


@pytest.mark.parametrize("plain_file", [False, True], ids=["model file", "plain .onnx"])
def test_a_classifier_travels_to_another_process(plain_file):
    if plain_file:
        options = {"labels": LABELS, "preprocess": Preprocess(32, 32), "normalization": Normalization()}
        classifier = Classifier(float_model().SerializeToString(), device="cpu", threads=1, **options)
    else:
        classifier = Classifier(packed(), device="cpu", threads=1, exact=True)
    pictures = [plain(color) for color in (RED, GREEN, BLUE)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answers = pool.map(classifier, pictures)
    assert [answer.label for answer in answers] == ["red", "green", "blue"]
    for answer, picture in zip(answers, pictures, strict=True):
        np.testing.assert_allclose(answer.logits, classifier(picture).logits, atol=1e-6)


def test_a_pickled_classifier_keeps_its_options():
    copied = pickle.loads(pickle.dumps(Classifier(packed(), device="cpu", exact=True, max_memory_mb=1)))
    assert (copied.device, copied.exact, copied.labels) == ("cpu", True, LABELS)
    with pytest.raises(ImageError, match="the limit is 1 MB"):
        copied(encoded(scene(1000, 1000), "PNG"))
