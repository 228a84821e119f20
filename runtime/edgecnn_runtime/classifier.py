"""A model file on a device: pictures in, answers out."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.checked_logits import checked_logits
from edgecnn_runtime.class_activation import class_activation_map, feature_output, read_class_weights
from edgecnn_runtime.decode_memory import MAX_MEMORY_MB, check_memory_limit
from edgecnn_runtime.errors import ImageError
from edgecnn_runtime.footprint import check_footprint
from edgecnn_runtime.image import ImageSource, source_name
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.model_source import read_default_model
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.onnx_file import with_outputs
from edgecnn_runtime.prepare import TimedPixels, prepare_timed
from edgecnn_runtime.preprocess import Pixels, Preprocess
from edgecnn_runtime.result import Failure, Result, Timing
from edgecnn_runtime.session import open_session
from edgecnn_runtime.stream import stream

__all__ = ["Classifier"]

Array = npt.NDArray[Any]
Logits = npt.NDArray[np.float32]


class Classifier:
    """Loads a model file once and classifies any number of pictures; safe to call from several threads.

    Args:
        model: Path, bytes or `ModelFile`; None means the model in the wheel.
        device: `auto` (the best that works), `cpu`, `cuda[:n]`, `dml[:n]`, `openvino`, `coreml`, `qnn`.
        require: Raise `DeviceError` instead of running on the CPU when the device does not start.
        threads: Threads inside one operator; None means one a core.
        exact: Decode large JPEGs in full instead of at a fraction of their size: slower, and a gray level or two away
            from the pixels that training and calibration saw.
        max_memory_mb: Most memory that decoding a picture file may take, in units of 10⁶ bytes.
        labels: For a plain `.onnx`: its class names.
        preprocess: For a plain `.onnx`: from a picture to pixels.
        normalization: For a plain `.onnx` with float input: from pixels to its input.
        allow_unbounded: Take a trusted file that may never end, or take any amount of memory, as one with loops.

    Raises:
        ModelFileError: The file cannot be used.
        DeviceError: The device cannot be used.
        MissingPackageError: No onnxruntime is installed.

    Example:
        >>> classifier = Classifier("model.onnx")
        >>> classifier("photo.jpg").label
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | ModelFile | None = None,
        *,
        device: str = "auto",
        require: bool = False,
        threads: int | None = None,
        exact: bool = False,
        max_memory_mb: int = MAX_MEMORY_MB,
        labels: Sequence[str] | None = None,
        preprocess: Preprocess | None = None,
        normalization: Normalization | None = None,
        allow_unbounded: bool = False,
    ) -> None:
        check_memory_limit(max_memory_mb)
        built_in = model is None
        if not isinstance(model, ModelFile):
            source = read_default_model() if model is None else model
            given: dict[str, Any] = {"labels": labels, "preprocess": preprocess, "normalization": normalization}
            model = ModelFile.load(source, allow_unbounded=allow_unbounded, **given)
        self.model = model
        self.exact = exact
        self._options: dict[str, Any] = {
            "device": device, "require": require, "threads": threads, "exact": exact, "max_memory_mb": max_memory_mb,
        }  # fmt: skip
        if not (built_in or model.allow_unbounded):
            check_footprint(model.data, model.graph, [model.one_picture])
        self._session = open_session(self.model.data, device=device, require=require, threads=threads)
        self._class_weights: Logits | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.model.labels

    @property
    def device(self) -> str:
        """The device that runs the network: `cpu`, `cuda:0`, …."""
        return self._session.device

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of the provider that really runs the network."""
        return self._session.provider

    @property
    def device_note(self) -> str:
        """Why the device is not the one that was asked for; empty when it is."""
        return self._session.note

    def __call__(self, source: ImageSource) -> Result:
        """Classify one picture.

        Args:
            source: A path, the bytes of a picture file, an open file, a Pillow picture or an `(H, W, 3)` uint8 RGB
                array of any size. Files are turned upright. So is a Pillow picture as `Image.open` gave it, but not
                one made from it: `Image.open(path).convert("RGB")` of a phone's portrait photo lies on its side.

        Raises:
            ImageError: The picture cannot be used; the message says why.
        """
        prepared = self._prepared(source)
        return self.classify_pixels(prepared.pixels, source=source_name(source), timing_ms=prepared.timing_ms)

    def classify_pixels(self, pixels: Pixels, *, source: str = "<pixels>", timing_ms: Timing | None = None) -> Result:
        """Classify pixels that `prepare` made.

        Args:
            pixels: `(height, width, 3)` uint8 RGB.
            source: Name for the result.
            timing_ms: What making the pixels took, to which the inference is added.
        """
        start = time.perf_counter()
        logits = self.logits(pixels[None])[0]
        return Result(
            logits=logits,
            labels=self.labels,
            source=source,
            device=self.device,
            provider=self.provider,
            timing_ms=replace(timing_ms or Timing(), inference=(time.perf_counter() - start) * 1e3),
        )

    def prepare(self, source: ImageSource) -> Pixels:
        """Load, turn upright, resize and crop: `(height, width, 3)` uint8 RGB, what the network will see."""
        return self._prepared(source).pixels

    def logits(self, pixels: Pixels) -> Logits:
        """Scores before softmax for a batch of prepared pixels.

        Args:
            pixels: `(N, height, width, 3)` uint8 RGB.

        Returns:
            `(N, classes)` float32.
        """
        return self.as_logits(self.run(pixels, [self.model.logits.name])[0], len(pixels))

    def as_logits(self, output: Array, count: int) -> Logits:
        """Scores before softmax, `(count, classes)` float32, out of what `run` gave as logits for `count` pictures.

        Raises:
            ModelFileError: Their shape is another one, or some are not finite.
        """
        return checked_logits(output, count, self.model, device=self.device)

    def run(self, pixels: Pixels, outputs: Sequence[str]) -> list[Array]:
        """Named outputs for a batch of prepared pixels.

        Args:
            pixels: `(N, height, width, 3)` uint8 RGB.
            outputs: Names out of the graph's outputs, such as `logits` and `features`.

        Raises:
            ImageError: The pixels have another shape or dtype.
            ModelFileError: The graph has no such output.
            DeviceError: The device failed while running.
        """
        return self._session.run(outputs, self._feed(pixels))

    def with_outputs(self, names: Sequence[str]) -> "Classifier":
        """A classifier of the same file on the same device whose `run` also gives these inner tensors.

        Raises:
            ModelFileError: The graph has no tensor of such a name.
        """
        extended = replace(self.model, data=with_outputs(self.model.data, list(names)))
        return Classifier(extended, **self._options)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle holds the model file; the session starts anew, on the device that was asked for."""
        return partial(Classifier, **self._options), (self.model,)

    def class_weights(self) -> Logits:
        """Weights of the last linear layer, `(classes, channels)` float32; read from the graph once, then kept.

        Raises:
            ModelFileError: The network does not end in global average pooling and one linear layer.
        """
        if self._class_weights is None:
            self._class_weights = read_class_weights(self.model)
        return self._class_weights

    def class_activation_map(self, pixels: Pixels, index: int | None = None) -> Logits:
        """Where the network saw a class: `(h, w)` float32, unscaled, positive where it speaks for the class.

        Args:
            pixels: `(height, width, 3)` uint8 RGB, prepared.
            index: The class; None means the most probable one.

        Raises:
            ModelFileError: The network does not end in global average pooling and one linear layer.
        """
        logits, features = self.run(pixels[None], [self.model.logits.name, feature_output(self.model).name])
        chosen = int(self.as_logits(logits, 1)[0].argmax()) if index is None else index
        return class_activation_map(features[0], self.class_weights(), chosen)

    def stream(
        self,
        sources: Iterable[ImageSource],
        *,
        workers: int | None = None,
        errors: Literal["raise", "yield"] = "raise",
    ) -> Iterator[Result | Failure]:
        """Classify many pictures: order kept, memory bounded, decoding overlaps inference.

        Args:
            sources: Pictures, taken one by one as they are needed, in threads of the stream.
            workers: Pictures in work at a time; None means one a core.
            errors: `raise` stops at the first bad picture; `yield` puts a `Failure` in its place and goes on.

        Yields:
            One `Result` (or `Failure`) a source, in order.
        """
        return stream(self, sources, workers=workers, errors=errors)

    def _prepared(self, source: ImageSource) -> TimedPixels:
        limit_mb = self._options["max_memory_mb"]
        return prepare_timed(source, self.model.preprocess, exact=self.exact, max_memory_mb=limit_mb)

    def _feed(self, pixels: Pixels) -> dict[str, Array]:
        expected = (self.model.height, self.model.width, 3)
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
            came = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
            raise ImageError(f"got pixels {came}; expected uint8 (N, {', '.join(map(str, expected))}); use prepare().")
        normalization = self.model.normalization
        if normalization is None:
            return {self.model.input.name: pixels}
        return {self.model.input.name: normalization.apply(pixels, channels_last=self.model.channels_last)}
