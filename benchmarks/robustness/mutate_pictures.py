"""Damaged pictures of every format through decoding and classification: answered, refused or at fault?

python benchmarks/robustness/mutate_pictures.py --count 10000 --workers 2 --output pictures.md --keep faults/
"""

import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from base_pictures import base_pictures, png_chunk
from limits import run_cases
from outcomes import Case
from picture_bombs import bombs
from tables import finish, limits_of, options

__all__ = ["cases", "mutated", "try_picture"]

Random = np.random.Generator
_ODD = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 254, 255)
_ODD_SIZES = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, 20000, 60000)
_STAGES = ("decode", "classify")
_BOMB_SIDE = 8000  # 64 megapixels


def cases(seed: int, count: int, first: int = 0) -> Iterator[Case]:
    """`count` mutated pictures, each through decoding and through the whole classifier."""
    bases = list(base_pictures().items())
    for number in range(first, first + count):
        random = np.random.default_rng([seed, number])
        name, data = bases[number % len(bases)]
        changed = mutated(data, random)
        for stage in _STAGES:
            yield Case(f"{number}-{name}", stage, changed)


def mutated(data: bytes, random: Random) -> bytes:
    """One to three changes of a file, most of them where its format keeps lengths, sizes and tags."""
    changes: list[Callable[[bytes, Random], bytes]] = [
        _flip, _flip, _overwrite, _cut, _repeat, _drop, _number, _number, _structure, _structure, _structure,
    ]  # fmt: skip
    for _ in range(random.choice([1, 1, 2, 3])):
        data = changes[random.integers(len(changes))](data, random) or data
    return data


def try_picture(case: Case) -> str:
    """Decode, or classify with the built-in model."""
    from edgecnn_runtime import Classifier, load_image

    if case.stage == "decode":
        image = load_image(case.data)
        return f"{image.width}x{image.height}"
    if not hasattr(try_picture, "classifier"):
        try_picture.classifier = Classifier(threads=1)  # type: ignore[attr-defined]
    result = try_picture.classifier(case.data)  # type: ignore[attr-defined]
    assert 0 <= result.score <= 1, f"the score is {result.score}"
    return str(result.label)


def _flip(data: bytes, random: Random) -> bytes:
    array = bytearray(data)
    for _ in range(random.integers(1, 9)):
        array[random.integers(len(array))] = random.integers(256)
    return bytes(array)


def _overwrite(data: bytes, random: Random) -> bytes:
    start, length = random.integers(len(data)), random.integers(1, 65)
    return data[:start] + bytes([int(random.choice(_ODD))]) * int(length) + data[start + length :]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.integers(1, len(data) + 1)]


def _repeat(data: bytes, random: Random) -> bytes:
    start, length = random.integers(len(data)), random.integers(1, 513)
    return data[: start + length] + data[start : start + length] * int(random.integers(1, 4)) + data[start + length :]


def _drop(data: bytes, random: Random) -> bytes:
    start, length = random.integers(len(data)), random.integers(1, 65)
    return data[:start] + data[start + length :] or data


def _number(data: bytes, random: Random) -> bytes:
    """A 16- or 32-bit number near the head becomes an odd one, in either byte order."""
    at = int(random.integers(min(len(data), 256)))
    value = int(random.choice(_ODD_SIZES))
    packed = struct.pack(random.choice(["<I", ">I"]), value) if random.random() < 0.5 else struct.pack(
        random.choice(["<H", ">H"]), value & 0xFFFF
    )  # fmt: skip
    return data[:at] + packed + data[at + len(packed) :]


def _structure(data: bytes, random: Random) -> bytes:
    if data.startswith(b"\x89PNG"):
        return _change_png(data, random)
    if data.startswith(b"\xff\xd8"):
        return _change_jpeg(data, random)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _change_tiff(data, random)
    return _number(data, random)


def _change_png(data: bytes, random: Random) -> bytes:
    """A chunk changed, doubled, dropped or moved, its check sum made right again."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return data
    index = int(random.integers(len(chunks)))
    kind, body = chunks[index]
    if kind == b"IDAT" and random.random() < 0.5:
        try:
            body = zlib.compress(_flip(zlib.decompress(body), random))
        except zlib.error:
            body = _flip(body, random) if body else b"\0"
    elif random.random() < 0.6 and body:
        body = _number(body, random)[: len(body)] if kind == b"IHDR" else _flip(body, random)
    elif random.random() < 0.5:
        chunks.insert(int(random.integers(len(chunks))), chunks[index])
    else:
        body = body[: len(body) // 2]
    chunks[index] = (kind, body)
    return data[:8] + b"".join(png_chunk(*chunk) for chunk in chunks)


def _change_jpeg(data: bytes, random: Random) -> bytes:
    """A marker segment's number, length or first bytes changed."""
    markers = [i for i in range(len(data) - 4) if data[i] == 0xFF and 0xC0 <= data[i + 1] <= 0xFE]
    at = int(random.choice(markers)) if markers else 0
    offset = int(random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9]))
    return data[: at + offset] + bytes([int(random.choice(_ODD))]) + data[at + offset + 1 :]


def _change_tiff(data: bytes, random: Random) -> bytes:
    """An entry of the first directory: its tag, type, count or value."""
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    if start + 2 > len(data):
        return data
    entries = struct.unpack_from(order + "H", data, start)[0]
    at = start + 2 + 12 * int(random.integers(max(entries, 1)))
    offset, form = [(0, "H"), (2, "H"), (4, "I"), (8, "I")][random.integers(4)]
    value = int(random.choice(_ODD_SIZES)) if form == "I" else int(random.integers(0, 20 if offset else 1024))
    packed = struct.pack(order + form, value)
    return data[: at + offset] + packed + data[at + offset + len(packed) :]


def main() -> None:
    parser = options(__doc__, count=10000)
    parser.add_argument("--bombs", action="store_true", help="also small files that unfold to 64 megapixels")
    arguments = parser.parse_args()
    warm = Case("warm", "classify", base_pictures()["jpeg-baseline"])

    def wanted() -> Iterator[Case]:
        for name, data in bombs(_BOMB_SIDE) if arguments.bombs else ():
            for stage in _STAGES:
                yield Case(name, stage, data)
        yield from cases(arguments.seed, arguments.count, arguments.first)

    reports = run_cases(wanted(), try_picture, limits_of(arguments), workers=arguments.workers, warm=warm)
    finish(arguments, reports, title="mutated pictures")


if __name__ == "__main__":
    main()
