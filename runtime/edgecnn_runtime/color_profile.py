"""Bring a picture whose ICC profile is another than sRGB to sRGB, the colors that networks are trained on."""

import functools
import io
import itertools
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

__all__ = ["to_srgb"]

_RGB_SPACE = b"RGB "  # in bytes 16 to 20 of a profile
_COMMON_SRGB = b"sRGB IEC61966-2.1"  # the description in most files, to spare them the color library
_SAME_LEVELS = 3  # gray levels by which profiles of the same colors differ, through their curves' rounding
_PROBE = np.array([list(itertools.product(range(0, 256, 51), repeat=3))], np.uint8)  # colors from all over the cube


def to_srgb(image: Image.Image, profile: object, *, in_place: bool) -> Image.Image:
    """Convert a picture of mode RGB to sRGB, relative colorimetric.

    Args:
        image: Mode RGB.
        profile: What stands as `icc_profile` in the `info` of the picture that this one was made from. Nothing, a
            profile of another color space than RGB and one that cannot be read count as sRGB.
        in_place: Write into the picture itself, which saves the memory of another one.
    """
    if not isinstance(profile, bytes) or profile[16:20] != _RGB_SPACE or _COMMON_SRGB in profile:
        return image
    transform = _transform(profile)
    if transform is None:
        return image
    from PIL import ImageCms

    return ImageCms.applyTransform(image, transform, inPlace=in_place) or image


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes) -> "ImageCmsTransform | None":
    """The way to sRGB; None where there is none, or where it changes next to nothing."""
    from PIL import ImageCms

    probe = Image.fromarray(_PROBE)
    # Profiles come with pictures from anywhere; what is wrong with one is no reason to refuse the picture.
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(
            source, target, "RGB", "RGB", renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        converted = ImageCms.applyTransform(probe, transform)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    if converted is None:
        return None
    changes = np.abs(np.asarray(probe, np.int16) - np.asarray(converted, np.int16))
    return transform if changes.max() > _SAME_LEVELS else None
