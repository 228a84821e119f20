"""A picture with its labels inside."""

import datetime
import io
import json
from pathlib import Path

from edgecnn_runtime.files import replace_atomically
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.view import View
from PIL import Image

__all__ = ["save_snapshot"]

_IMAGE_DESCRIPTION, _SOFTWARE, _DATE_TIME = 0x010E, 0x0131, 0x0132


def save_snapshot(picture: Picture, view: View, folder: Path) -> Path:
    """Save a JPEG whose comment is the JSON of its labels, and whose EXIF has label, program and time.

    Args:
        picture: `(H, W, 3)` uint8 BGR.
        view: whose labels are written.
        folder: made if it is not there.

    Returns:
        The file's path, named after the time.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now().astimezone()
    path = folder / f"edgecnn-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}.jpg"
    exif = Image.Exif()
    label = f"{view.label} {view.score:.1%}"
    # EXIF's text is ASCII by its standard; the comment below has every letter.
    exif[_IMAGE_DESCRIPTION] = label.encode("ascii", "replace").decode()
    exif[_SOFTWARE] = "edgecnn"
    exif[_DATE_TIME] = f"{now:%Y:%m:%d %H:%M:%S}"
    comment = json.dumps({"time": now.isoformat(timespec="milliseconds"), **view.to_dict()}, ensure_ascii=False)
    data = io.BytesIO()
    image = Image.fromarray(picture[:, :, ::-1].copy())
    image.save(data, "JPEG", quality=92, exif=exif, comment=comment.encode())
    replace_atomically(path, data.getvalue())
    return path
