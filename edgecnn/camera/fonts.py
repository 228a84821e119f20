"""A font that can print the labels: the system's where there is one, Pillow's own for Latin letters."""

import functools

from PIL import ImageFont

__all__ = ["Font", "font_for", "printable"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Names that Pillow looks for in the system's font folders: Linux, Windows, macOS; wide coverage last.
_NAMES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "segoeui.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "unifont.ttf",
)
# A character that no font may have: what is drawn for it is the font's sign for "missing".
_NO_CHARACTER = "\U0010ffff"


@functools.lru_cache(maxsize=256)
def font_for(text: str, size: int) -> Font:
    """The first font that has every character of `text`, or the one that has most of them.

    Args:
        text: What will be drawn.
        size: Height of a line, in pixels.
    """
    best, fewest = _default(size), len(text) + 1
    for name in _NAMES:
        if not _is_there(name):
            continue
        missing = sum(not _has(name, character) for character in set(text))
        if missing < fewest:
            best, fewest = _load(name, size), missing
        if missing == 0:
            break
    return best


def printable(text: str, font: Font) -> str:
    """The text with `?` for every character that the font does not have."""
    name = getattr(font, "path", None)
    if not isinstance(name, str):
        return "".join(character if ord(character) < 0x250 else "?" for character in text)
    return "".join(character if _has(name, character) else "?" for character in text)


@functools.lru_cache(maxsize=64)
def _load(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(name, size)


@functools.lru_cache(maxsize=64)
def _default(size: int) -> Font:
    return ImageFont.load_default(size)


@functools.cache
def _is_there(name: str) -> bool:
    try:
        _load(name, 16)
    except OSError:
        return False
    return True


@functools.lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    font = _load(name, 16)
    if character.isspace():
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(_NO_CHARACTER))
