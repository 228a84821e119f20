"""Other people's .onnx through `edgecnn export`: accepted and right, accepted and WRONG, or refused with which words?

The first cases differ from the plainest graph in one way, the others in two to five; each goes through fp32 and int8.

python benchmarks/robustness/foreign_onnx.py --count 300 --workers 2 --output foreign.md
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
from commands import edgecnn
from foreign_graphs import CHOICES, CLASSES, MEAN, SIZE, STD, Form, build, plain
from foreign_tails import meant
from foreign_torch import MAKERS
from foreign_wraps import name_nodes, rename, wrap
from limits import run_cases
from outcomes import Case, Outcome, Report
from PIL import Image
from tables import finish, limits_of, markdown, options

__all__ = ["cases", "foreign", "forms", "try_form"]

_PICTURES = 6
_ALLOWED = {"fp32": 2e-3, "int8": 0.12}  # of a probability
_HALF_ALLOWED = 2e-2
_KNOWN = (  # as whole exporters write
    Form(layout="nhwc", padding="SAME_UPPER", batch="unk__0", tail="softmax"),  # tf2onnx
    Form(layout="nhwc", padding="SAME_UPPER", batch="unk__0", head="matmul", tail="sigmoid"),  # Keras
    Form(batch="batch_size", sides="height/width", opset=14),  # optimum
    Form(wrap="constants", opset=11, head="reshape", tail="softmax", batch=None),  # Paddle
    Form(head="reshape", batch=1, opset=11),
    Form(head="reshape", batch=4),
    Form(outputs="label + probabilities", tail="softmax", opset=12),
    *(Form(maker=maker, batch=batch, tail=tail) for maker in MAKERS[1:] for batch in ("N", 1)
      for tail in ("none", "softmax", "sigmoid")),
)  # fmt: skip


def forms(seed: int, count: int, first: int = 0) -> Iterator[tuple[int, Form]]:
    """Forms whose graph ONNX Runtime itself runs, numbered: each choice alone, then combinations."""
    single = [Form(), *(Form(**{key: value}) for key, values in CHOICES.items() for value in values[1:]), *_KNOWN]
    made = 0
    for number in range(10 * (first + count)):
        if number < len(single):
            form = single[number]
        else:
            random = np.random.default_rng([seed, number])
            keys = random.choice(list(CHOICES), random.integers(2, 6), replace=False)
            form = Form(**{key: CHOICES[key][random.integers(len(CHOICES[key]))] for key in map(str, keys)})
        if made >= first + count:
            return
        if _runs(form, seed):
            if made >= first:
                yield number, form
            made += 1


def foreign(form: Form, seed: int) -> bytes:
    """The file of a form."""
    model = wrap(rename(build(form, seed), form.names), form.wrap)
    return bytes(name_nodes(model, form.names).SerializeToString())


def cases(seed: int, count: int, folder: Path, first: int = 0) -> Iterator[Case]:
    """Each form as fp32 and as int8; `folder` gets pictures to calibrate with and the labels."""
    _write_pictures(folder, seed)
    for number, form in forms(seed, count, first):
        for stage in ("fp32", "int8"):
            yield Case(f"{number}: {form.name}", stage, (form, seed, folder))


def try_form(case: Case) -> str:
    """Export a form and compare every probability of the written file with what the network means."""
    from edgecnn_runtime import Classifier

    form, seed, folder = case.data
    with tempfile.TemporaryDirectory() as made:
        source, target = Path(made) / "foreign.onnx", Path(made) / "model.onnx"
        source.write_bytes(foreign(form, seed))
        labels = folder / ("two.txt" if form.tail.startswith("one ") else "five.txt")
        asked = ["--labels", labels, "--size", SIZE, "-o", target]
        if form.start != "uint8":
            mean, std = ("0.5", "0.5") if form.start == "one channel" else map(_listed, (MEAN, STD))
            asked += ["--mean", mean, "--std", std]
        if case.stage == "int8":
            asked += ["--precision", "int8", "--calibrate", folder, "--force"]
        edgecnn("export", source, *asked)
        classifier = Classifier(target.read_bytes(), device="cpu", threads=1)
    assert form.start != "four channels", "accepted four channels, though nothing says what the fourth is"
    pictures = _pictures(seed)
    expected = meant(form.tail, _logits(form, seed, pictures))
    scores = np.zeros_like(expected)
    for row, picture in zip(scores, pictures, strict=True):
        for prediction in classifier.classify_pixels(picture).predictions:
            row[prediction.index] = prediction.score
    worst = float(np.abs(scores - expected).max())
    allowed = _HALF_ALLOWED if form.start == "half" and case.stage == "fp32" else _ALLOWED[case.stage]
    came = f"a probability of {expected[0].max():.3f} came as {scores[0].max():.3f}"
    assert worst <= allowed, f"{came}; largest difference {worst:.3f}"
    for batch in (3, 1):
        try:
            classifier.logits(pictures[:batch])
        except Exception as error:
            raise AssertionError(f"the written file fails for a batch of {batch}: {error}") from error
    return f"worst {worst:.4f}"


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(map(str, values))


def _pictures(seed: int) -> np.ndarray:
    """`(N, 64, 64, 3)` uint8 with colors and edges that differ enough to change the answer."""
    random = np.random.default_rng([seed, 1])
    blocks = random.integers(0, 256, (_PICTURES, 8, 8, 3)).astype(np.uint8)
    tinted = blocks * random.random((_PICTURES, 1, 1, 3))
    return np.repeat(np.repeat(tinted, 8, axis=1), 8, axis=2).astype(np.uint8)


def _write_pictures(folder: Path, seed: int) -> None:
    for number in range(6):
        for index, picture in enumerate(_pictures(seed + number)):
            Image.fromarray(picture).save(folder / f"{number}-{index}.png")
    for name, count in (("two", 2), ("five", CLASSES)):
        (folder / f"{name}.txt").write_text("".join(f"class {i}\n" for i in range(count)), encoding="utf-8")


def _logits(form: Form, seed: int, pictures: np.ndarray) -> np.ndarray:
    """What the plain network says, by ONNX Runtime."""
    channels = {"one channel": 1, "four channels": 4}.get(form.start, 3)
    values = pictures / 255.0
    if channels == 1:
        values = (values @ np.array([0.299, 0.587, 0.114]))[..., None] * 2 - 1
    else:
        values = (values - np.array(MEAN)) / np.array(STD)
        values = np.concatenate([values, values[..., :1]], axis=-1) if channels == 4 else values
    return np.asarray(_run(plain(seed, channels).SerializeToString(), values.transpose(0, 3, 1, 2), np.float32)[0])


def _run(data: bytes, values: np.ndarray, dtype: type) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(values, dtype)}))


def _runs(form: Form, seed: int) -> bool:
    """Whether ONNX Runtime runs the foreign file, with the right answer: else the form says nothing about edgecnn."""
    dtype = {"double": np.float64, "half": np.float16, "uint8": np.uint8}.get(form.start, np.float32)
    count = form.batch if isinstance(form.batch, int) else 2
    channels = {"one channel": 1, "four channels": 4}.get(form.start, 3)
    shape = (count, SIZE, SIZE, channels) if form.layout == "nhwc" else (count, channels, SIZE, SIZE)
    try:
        # ONNX Runtime refuses nodes that share a name; a tool that reads the file can help itself.
        data = foreign(replace(form, names="plain") if form.names == "duplicate" else form, seed)
        onnx.checker.check_model(onnx.load_model_from_string(data))
        _run(data, np.ones(shape), dtype)
    except Exception:
        return False
    return True


def _by_choice(reports: list[Report]) -> str:
    """How each choice alone fares, and how often it is part of a fault."""
    rows = []
    for field in fields(Form):
        for value in CHOICES[field.name]:
            mine = [r for r in reports if getattr(r.case.data[0], field.name) == value]
            counts = Counter(f"{r.case.stage} {_short(r.outcome)}" for r in mine)
            cells = [counts[f"{s} {o}"] for s in ("fp32", "int8") for o in ("right", "WRONG", "refused", "traceback")]
            rows.append([field.name, value, *cells])
    head = [f"{s} {o}" for s in ("fp32", "int8") for o in ("right", "WRONG", "refused", "traceback")]
    return markdown(["way", "choice", *head], rows)


def _short(outcome: Outcome) -> str:
    short = {Outcome.ANSWERED: "right", Outcome.WRONG: "WRONG", Outcome.REFUSED: "refused"}
    return short.get(outcome, "traceback")


def main() -> None:
    arguments = options(__doc__, count=300, seconds=60).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tried = cases(arguments.seed, arguments.count, folder, arguments.first)
        reports = list(run_cases(tried, try_form, limits_of(arguments), workers=arguments.workers))
    print(_by_choice(reports))
    refused = [report for report in reports if report.outcome is Outcome.REFUSED]
    sentences = Counter((report.case.stage, report.words.split(": ", 1)[-1][:160]) for report in refused)
    print(markdown(["times", "stage", "refused with"], [[count, *key] for key, count in sentences.most_common(40)]))
    finish(arguments, reports, title="other people's .onnx")


if __name__ == "__main__":
    main()
