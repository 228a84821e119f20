"""`edgecnn bench`: how fast a model file is on this machine, and where the time goes."""

import io
import statistics
from pathlib import Path
from typing import Annotated

import typer
from edgecnn_runtime import Classifier, ImageError, Timing

from edgecnn.cli.models import open_classifier
from edgecnn.cli.options import AllowUnbounded, Device, Json, Require, Threads
from edgecnn.cli.output import print_json, progress, show, shown

__all__ = ["bench"]

_WARM_UP = 3  # the first runs allocate


def bench(
    models: Annotated[list[str], typer.Argument(help="Model files, or `default`; several are timed in turn.")],
    picture: Annotated[Path | None, typer.Option(help="Picture to use; a 640x480 JPEG of noise if not given.")] = None,
    device: Device = "auto",
    require: Require = False,
    threads: Threads = None,
    runs: Annotated[int, typer.Option(min=3, help="Pictures to time a model.")] = 50,
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
) -> None:
    """Time decoding, preprocessing and inference; medians, models in turn so that noise hits all alike.

    Example: edgecnn bench model_int8.onnx model_fp32.onnx
    """
    options = {"device": device, "require": require, "threads": threads, "allow_unbounded": allow_unbounded}
    classifiers = [open_classifier(m, **options) for m in models]
    data = _read(picture) if picture else _noise()
    timings: list[list[Timing]] = [[] for _ in models]
    with progress("timing", (runs + _WARM_UP) * len(models), unit="runs") as advance:
        for run in range(runs + _WARM_UP):
            for classifier, kept in zip(classifiers, timings, strict=True):
                timing = classifier(data).timing_ms
                if run >= _WARM_UP:
                    kept.append(timing)
                advance(1)
    for model, classifier, kept in zip(models, classifiers, timings, strict=True):
        _report(model, classifier, timings=kept, json=json)


def _report(model: str, classifier: Classifier, timings: list[Timing], json: bool) -> None:
    stages = ("decode", "preprocess", "inference")
    medians = {stage: round(statistics.median(getattr(timing, stage) for timing in timings), 3) for stage in stages}
    tenths = statistics.quantiles((timing.inference for timing in timings), n=10, method="inclusive")
    if json:
        spread = {"inference_p10": round(tenths[0], 3), "inference_p90": round(tenths[-1], 3)}
        ran = {"model": model, "provider": classifier.provider, "runs": len(timings)}
        print_json({**ran, "median_ms": medians, **spread})
        return
    show(
        f"{shown(model)} on {classifier.device}: inference {medians['inference']:.2f} ms "
        f"(p10 {tenths[0]:.2f}, p90 {tenths[-1]:.2f}), decode {medians['decode']:.2f} ms, "
        f"preprocess {medians['preprocess']:.2f} ms; median of {len(timings)}"
    )


def _read(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise ImageError(f"{picture} cannot be read: {error.strerror}.") from error


def _noise() -> bytes:
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
