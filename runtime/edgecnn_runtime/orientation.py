"""Turn a picture upright by its EXIF orientation, and find a part of it again afterwards."""

from PIL import Image

__all__ = ["Box", "orientation_of", "upright", "upright_box"]

Box = tuple[float, float, float, float]

_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The same eight as: rows and columns change places, then left and right, then top and bottom.
_SIDEWAYS, _MIRRORED_X, _MIRRORED_Y = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation from 1 to 8 that a loaded picture is still to be turned by.

    Pillow turns a TIFF while loading it and forgets the orientation then, so a picture is to be loaded first. A tag of
    another type than a number and EXIF data that cannot be read count as 1: the picture itself is whole.
    """
    # Broken EXIF raises nearly anything (struct.error, SyntaxError, ValueError, …).
    try:
        value = image.getexif().get(_TAG, 1)
    except Exception:
        return 1
    return int(value) if isinstance(value, int) and value in _UPRIGHT else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture turned upright; the same one where nothing is to be done."""
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def upright_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Where `box` lies after the picture of `size` was turned upright."""
    (left, top, right, bottom), (width, height) = box, size
    if orientation in _SIDEWAYS:
        left, top, right, bottom, width, height = top, left, bottom, right, height, width
    if orientation in _MIRRORED_X:
        left, right = width - right, width - left
    if orientation in _MIRRORED_Y:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom
