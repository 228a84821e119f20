"""Self-contained HTML pages: templates in this package, pictures inside the page, nothing fetched."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import MissingPackageError
from PIL import Image

__all__ = ["Picture", "data_uri", "drawn_picture", "png_bytes", "render"]

Picture = npt.NDArray[np.uint8]
"""`(H, W, 3)` uint8 RGB."""


def render(template: str, **context: Any) -> str:
    """Fill one of this package's templates.

    Args:
        template: File name in `templates/`.
        context: What the template needs; text is escaped. `picture | uri` is what `data_uri` gives, and
            `share | percent` a share of 0 to 1 in words.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise MissingPackageError("jinja2", extra="understand") from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"uri": data_uri, "percent": lambda share, digits=1: f"{100 * share:.{digits}f} %"}
    return environment.get_template(template).render(**context)


def png_bytes(picture: Picture | Image.Image) -> bytes:
    """A picture as a PNG file."""
    buffer = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(picture: Picture, *, scale: int = 1, quality: int | None = None) -> str:
    """A picture as text that a page can hold.

    Args:
        picture: `(H, W, 3)` or, with transparency, `(H, W, 4)` uint8.
        scale: Repeats each pixel, so that small maps keep their hard edges.
        quality: Of a JPEG, 1 to 95; None makes a PNG.
    """
    enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    if quality is None:
        return "data:image/png;base64," + base64.b64encode(png_bytes(enlarged)).decode()
    buffer = io.BytesIO()
    Image.fromarray(enlarged).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def drawn_picture(height: int, width: int) -> Picture:
    """A drawn picture with edges, stripes and areas, for pages that get none: `(height, width, 3)` uint8 RGB."""
    y, x = np.mgrid[0:height, 0:width]
    down, across = y / max(height - 1, 1), x / max(width - 1, 1)
    picture = np.stack([70 + 70 * across, 110 + 60 * down, 170 - 60 * across], axis=-1)
    radius = np.hypot(down - 0.42, across - 0.55)
    picture[radius < 0.26] = (222, 170, 88)
    picture[(radius < 0.19) & ((8 * (down + across)).astype(int) % 2 == 0)] = (150, 84, 52)
    picture[(np.abs(down - 0.42) < 0.03) & (np.abs(across - 0.47) < 0.03)] = (20, 20, 20)
    picture[(np.abs(down - 0.42) < 0.03) & (np.abs(across - 0.63) < 0.03)] = (20, 20, 20)
    picture[down > 0.8] *= 0.55
    return picture.astype(np.uint8)
