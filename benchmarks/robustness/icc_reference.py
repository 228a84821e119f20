"""Colors by a picture's ICC profile, worked out by the specification's formulas and without a color library."""

import struct

import numpy as np
import numpy.typing as npt

__all__ = ["to_srgb"]

Values = npt.NDArray[np.float64]

# Light of sRGB's red, green and blue as XYZ relative to D50, the columns of ICC's own sRGB profiles.
_SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
_TABLE_START, _ENTRY_BYTES = 132, 12


def to_srgb(rgb: Values, profile: bytes) -> Values | None:
    """`(H, W, 3)` of 0 to 255 in sRGB, rounded; None where the profile is not of three curves and a matrix.

    Args:
        rgb: `(H, W, 3)` of 0 to 255 in the profile's colors.
        profile: An ICC profile.
    """
    tags = _tags(profile)
    names = [f"{letter}{what}".encode() for what in ("XYZ", "TRC") for letter in "rgb"]
    if profile[16:20] != b"RGB " or not tags.keys() >= set(names):
        return None
    matrix = np.stack([np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in names[:3]], axis=1)
    curves = [_curve(tags[name]) for name in names[3:]]
    light = np.stack([curves[channel][rgb[..., channel].astype(int)] for channel in range(3)], axis=-1)
    linear = np.clip(light @ (np.linalg.inv(_SRGB) @ matrix).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, _TABLE_START - 4)
    entries = [struct.unpack_from(">4sII", profile, _TABLE_START + _ENTRY_BYTES * index) for index in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(tag: bytes) -> Values:
    """Light from 0 to 1 for each of the 256 levels."""
    level = np.arange(256) / 255
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count < 2:
            return np.asarray(level ** (values[0] / 256 if count else 1.0))
        return np.interp(level, np.linspace(0, 1, count), values / 65535)
    (kind,) = struct.unpack_from(">H", tag, 8)
    if tag[:4] != b"para" or kind not in (0, 3):
        raise ValueError(f"a curve of kind {tag[:4]!r}, {kind}; expected curv, or para of kind 0 or 3")
    gamma, *rest = np.frombuffer(tag, ">i4", 5 if kind else 1, 12) / 65536
    if not rest:
        return np.asarray(level**gamma)
    slope, offset, toe, end = rest
    return np.where(level >= end, np.maximum(slope * level + offset, 0) ** gamma, toe * level)
