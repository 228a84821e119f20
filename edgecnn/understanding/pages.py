"""Self-contained HTML pages: templates in this package, pictures inside the page, nothing fetched."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import MissingPackageError
from PIL import Image

__all__ = ["Picture", "data_uri", "drawn_picture", "file_bytes", "render"]

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


def file_bytes(image: Image.Image, kind: str = "png", **options: Any) -> bytes:
    """A picture as a PNG file, or one of another kind with Pillow's options for it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def data_uri(picture: Picture, *, scale: int = 1, quality: int | None = None) -> str:
    """A picture as text that a page can hold.

    Args:
        picture: `(H, W, 3)` or, with transparency, `(H, W, 4)` uint8.
        scale: Repeats each pixel, so that small maps keep their hard edges.
        quality: Of a JPEG, 1 to 95; None makes a PNG.
    """
    enlarged = Image.fromarray(picture.repeat(scale, axis=0).repeat(scale, axis=1))
    kind, options = ("png", {}) if quality is None else ("jpeg", {"quality": quality})
    return f"data:image/{kind};base64,{base64.b64encode(file_bytes(enlarged, kind, **options)).decode()}"


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
