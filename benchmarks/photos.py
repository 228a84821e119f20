"""A folder of camera originals: `Classifier.stream` against a plain loop of Pillow (full decode) and `session.run`.

EDGECNN_DATA=… python benchmarks/photos.py       (photos/ for the speed, crops of them for the labels)

Speed: the originals of 3 megapixels and more, several times over, each engine in a process of its own, in turn.
Labels: windows of the originals, 60 to 100 % of their size, flipped or not, saved as JPEG at full resolution, decoded
at a fraction against in full.
"""

import io
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from measure import DEFAULT_MODEL, data_folder, machine
from PIL import Image, ImageOps

ROUNDS, COPIES = 5, 12
WINDOWS = 30


def plain_loop(paths: list[Path]) -> None:
    """What most scripts do: ONNX Runtime with its defaults, one picture after the other."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(DEFAULT_MODEL), providers=["CPUExecutionProvider"])
    for path in paths:
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        scale = 256 / min(picture.size)
        size = (int(picture.width * scale), int(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
        pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)))[None]
        session.run(["logits"], {"pixels": pixels})[0].argmax()


def stream(paths: list[Path]) -> None:
    """The runtime's way."""
    from edgecnn_runtime import Classifier

    for result in Classifier(DEFAULT_MODEL, device="cpu", threads=1).stream(paths):
        assert result.label  # type: ignore[union-attr]


def windows(paths: list[Path]) -> list[bytes]:
    """Windows of the originals at full resolution, as JPEG."""
    random = np.random.default_rng(0)
    found = []
    for path in paths:
        original = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        for _ in range(WINDOWS):
            share = random.uniform(0.6, 1.0)
            width, height = int(original.width * share), int(original.height * share)
            left, top = random.integers(original.width - width + 1), random.integers(original.height - height + 1)
            window = original.crop((left, top, left + width, top + height))
            if random.random() < 0.5:
                window = ImageOps.mirror(window)
            file = io.BytesIO()
            window.save(file, "JPEG", quality=92)
            found.append(file.getvalue())
    return found


def megapixels(path: Path) -> float:
    with Image.open(path) as image:
        return image.width * image.height / 1e6


def main() -> None:
    paths = [path for path in sorted((data_folder() / "photos").glob("*.jpg")) if megapixels(path) >= 3]
    if len(sys.argv) == 2:  # one engine, in a process of its own
        start = time.perf_counter()
        {"plain": plain_loop, "stream": stream}[sys.argv[1]](paths * COPIES)
        print(len(paths) * COPIES / (time.perf_counter() - start))
        return
    rates: dict[str, list[float]] = {"plain": [], "stream": []}
    for _ in range(ROUNDS):
        for engine, kept in rates.items():
            output = subprocess.run([sys.executable, __file__, engine], check=True, capture_output=True, text=True)
            kept.append(float(output.stdout))
    print(machine())
    for engine, kept in rates.items():
        print(
            f"{engine:7} {statistics.median(kept):.2f} images/s (median of {len(kept)}, {len(paths) * COPIES} pictures)"
        )
    pairs = [a / b for a, b in zip(rates["stream"], rates["plain"], strict=True)]
    print(f"ratio {statistics.median(pairs):.2f}")

    from edgecnn_runtime import Classifier

    fast, exact = Classifier(DEFAULT_MODEL, threads=1), Classifier(DEFAULT_MODEL, threads=1, exact=True)
    pictures = [*(path.read_bytes() for path in paths), *windows(paths)]
    pairs_of_labels = [(a.index, b.index) for a, b in zip(fast.stream(pictures), exact.stream(pictures), strict=True)]  # type: ignore[union-attr]
    same = sum(a == b for a, b in pairs_of_labels)
    print(f"same top-1 as the exact way on {same} of {len(pairs_of_labels)} ({same / len(pairs_of_labels):.1%})")


if __name__ == "__main__":
    main()
