"""Read every picture of some folders and compare with another reader: equal, differs by, refused with which sentence?

The other reader is Pillow with `exif_transpose`, OpenCV for 16-bit PNG, tifffile (where installed) for integer TIFF,
scaled by what the file says, and `icc_reference.py` for color profiles. Without a folder the pictures of
`base_pictures.py` and odd ones made here are read.

python benchmarks/robustness/read_pictures.py FOLDER… --output pictures.md
"""

import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from base_pictures import base_pictures
from icc_reference import to_srgb
from limits import Limits, run_cases
from odd_pictures import odd_pictures
from outcomes import Case, Outcome, Report
from PIL import Image, ImageOps
from tables import finish, markdown, options

__all__ = ["reference", "try_file"]

_ALLOWED = 2  # levels: converters round in two ways
_SMALL_BYTES, _SMALL_SECONDS, _SMALL_MIB = 1 << 20, 2.0, 500.0


def cases(folders: list[Path]) -> Iterator[Case]:
    """Every file below the folders."""
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield Case(str(path.relative_to(folder)), path.suffix.lower() or "no suffix", path)


def try_file(case: Case) -> str:
    """Decode one file and compare; an AssertionError says that it differs by more than is allowed."""
    from edgecnn_runtime import EdgecnnError, load_image

    try:
        ours = np.asarray(load_image(case.data))
    except EdgecnnError as error:
        # What no other reader takes either is rightly refused; `refused` tells the two apart.
        raise type(error)(f"{error} [{'another reader takes it' if _reads(case.data) else 'nor by others'}]") from error
    expected = reference(case.data)
    if expected is None:
        return "no reference"
    assert ours.shape == expected.shape, f"came as {ours.shape}, expected {expected.shape}"
    worst = int(np.abs(ours.astype(np.int16) - expected).max()) if ours.size else 0
    mean = float(np.abs(ours.astype(np.int16) - expected).mean()) if ours.size else 0.0
    assert worst <= _ALLOWED, f"differs by {worst} levels, {mean:.1f} in the mean"
    return "equal" if worst == 0 else f"differs by {worst}"


def reference(path: Path) -> np.ndarray | None:
    """`(H, W, 3)` of 0 to 255 by another reader, upright, over white, in sRGB; None where there is none."""
    with Image.open(path) as image:
        kind, mode = image.format, image.mode
        image.load()
        if mode == "F":
            return None
        if mode.startswith("I"):
            gray = _integer_gray(path, str(kind))
            if gray is not None and "transparency" in image.info:
                gray[np.asarray(image) == image.info["transparency"]] = 255
            return None if gray is None else np.repeat(gray[..., None], 3, axis=2)
        upright = ImageOps.exif_transpose(image)
    rgba = upright.convert("RGBA")
    values = np.asarray(rgba, np.float64)
    alpha = values[..., 3:] / 255
    rgb = np.rint(values[..., :3] * alpha + 255 * (1 - alpha))
    profile = image.info.get("icc_profile")
    converted = to_srgb(rgb, profile) if profile else None
    return (rgb if converted is None else converted).astype(np.int16)


def _integer_gray(path: Path, kind: str) -> np.ndarray | None:
    """Integer gray of more than 8 bits, scaled by what the file says about its values."""
    if kind == "TIFF":
        return _tiff_gray(path)
    import cv2

    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        return None
    gray = values if values.ndim == 2 else values[..., 0]
    return np.asarray(np.rint(gray / 257), np.int16)


def _tiff_gray(path: Path) -> np.ndarray | None:
    try:
        import tifffile
    except ImportError:
        return None
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        try:
            values = page.asarray().astype(np.float64)
        except ValueError:  # a compression that needs another package
            return None
        if values.ndim != 2 or page.dtype.kind not in "ui":
            return None
        tags = {tag.name: tag.value for tag in page.tags}
        bits = int(page.bitspersample)
        low = -(2 ** (bits - 1)) if page.dtype.kind == "i" else 0
        low, high = tags.get("MinSampleValue", low), tags.get("MaxSampleValue", low + 2**bits - 1)
        share = np.clip((values - low) / max(high - low, 1), 0, 1)
        gray = np.rint(255 * (1 - share if int(page.photometric) == 0 else share))
        return np.asarray(gray, np.int16)


def _reads(path: Path) -> bool:
    """Whether Pillow with all its formats, or OpenCV, reads the file."""
    data = path.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return True
    except Exception:
        import cv2

        return len(data) > 0 and cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None


def _summary(reports: list[Report]) -> str:
    """Counts by suffix, and the sentences of refusals with numbers and names taken out."""
    kinds: dict[str, Counter[str]] = {}
    sentences: Counter[str] = Counter()
    for report in reports:
        kind = report.words if report.outcome is Outcome.ANSWERED else str(report.outcome)
        kinds.setdefault(report.case.stage, Counter())[kind] += 1
        if report.outcome is Outcome.REFUSED:
            text = report.words.replace(str(report.case.data), "FILE")
            sentences[re.sub(r"\d+", "N", text)[:200]] += 1
    columns = sorted({kind for counts in kinds.values() for kind in counts})
    rows = [[suffix, *(counts[column] for column in columns)] for suffix, counts in sorted(kinds.items())]
    refused = [[count, text] for text, count in sentences.most_common()]
    return markdown(["suffix", *columns], rows) + "\n" + markdown(["times", "refused with"], refused)


def _too_much(reports: list[Report]) -> str:
    """Small files that take much time or memory."""
    rows = [
        [report.case.name, report.case.data.stat().st_size, f"{report.seconds:.1f}", f"{report.grown_mib:.0f}"]
        for report in reports
        if report.case.data.stat().st_size < _SMALL_BYTES
        and (report.seconds > _SMALL_SECONDS or report.grown_mib > _SMALL_MIB)
    ]
    return markdown(["under 1 MB", "bytes", "s", "MiB"], rows) if rows else "no file under 1 MB takes 500 MB or 2 s\n"


def main() -> None:
    parser = options(__doc__, count=0)
    parser.add_argument("folders", nargs="*", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = arguments.folders
        if not folders:
            folders = [Path(name)]
            for picture, data in {**base_pictures(arguments.seed), **odd_pictures()}.items():
                (Path(name) / f"{picture}.{picture.split('-')[0]}").write_bytes(data)
        limits = Limits(arguments.seconds, 4 * arguments.memory)
        reports = list(run_cases(cases(folders), try_file, limits, workers=arguments.workers))
        print(_summary(reports))
        print(_too_much(reports))
    finish(arguments, reports, title="pictures read")


if __name__ == "__main__":
    main()
