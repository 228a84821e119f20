"""What a running camera saves: recordings, and snapshots with their labels inside."""

import datetime
import io
import json
import threading
from pathlib import Path

from edgecnn_runtime.files import replace_atomically
from edgecnn_runtime.live.frame import Picture, swap_channels
from edgecnn_runtime.live.view import View
from PIL import Image

from edgecnn.camera.recorder import Recorder

__all__ = ["Saver", "save_snapshot"]

_IMAGE_DESCRIPTION, _SOFTWARE, _DATE_TIME = 0x010E, 0x0131, 0x0132


class Saver:
    """Begins and ends recordings and saves snapshots; frames may be added from another thread.

    Args:
        folder: Where files go that have no name of their own; made when needed.

    Attributes:
        message: What became of the last thing that was asked for.
        recordings: Paths of the finished recordings.
        recorded_frames: How many frames are in them.
        snapshots: Paths of the snapshots.
        notes: What is worth a word.
        failures: What was asked for and could not be saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recorder: Recorder | None = None
        self._lock = threading.Lock()
        self.message = ""
        self.recordings: list[str] = []
        self.recorded_frames = 0
        self.snapshots: list[str] = []
        self.notes: list[str] = []
        self.failures: list[str] = []

    @property
    def recording(self) -> str:
        """Name of the file that is being recorded; empty when none is."""
        recorder = self._recorder
        return "" if recorder is None else recorder.path.name

    def begin(self, path: Path) -> None:
        """Record to a file.

        Raises:
            OptionError: The file cannot be recorded to; see `Recorder`.
        """
        recorder = Recorder(path)
        with self._lock:
            self._recorder = recorder

    def add(self, bgr: Picture, at_s: float) -> None:
        """Record a frame, `(H, W, 3)` uint8 BGR, grabbed at a monotonic time; does nothing where none is recorded."""
        with self._lock:
            if self._recorder is not None:
                self._recorder.add(bgr, at_s)

    def toggle_recording(self) -> None:
        """End the recording, or begin one that is named after the time."""
        if self._recorder is not None:
            self.end()
            return
        path = self._folder / f"edgecnn-{_now():%Y%m%d-%H%M%S}.mkv"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.begin(path)
        except (OSError, ValueError) as error:
            self._fail(str(error))
        else:
            self.message = f"recording to {path.name}"

    def end_failed(self) -> None:
        """End a recording that cannot go on, as when the disk is full."""
        if self._recorder is not None and self._recorder.error:
            self.end()

    def end(self) -> None:
        """Finish the recording's file, where one is recorded."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.close()
        self.recorded_frames += recorder.frames
        if recorder.frames:
            self.recordings.append(str(recorder.path))
        self.message = f"recorded {recorder.path.name}"
        if recorder.left_out:
            self.notes.append(f"{recorder.left_out} frames were left out of {recorder.path}: encoding was too slow")
        if recorder.error:
            self._fail(f"{recorder.error}; {recorder.frames} frames before that are saved")

    def snapshot(self, picture: Picture, view: View) -> None:
        """Save a picture, `(H, W, 3)` uint8 BGR, with the labels of its view."""
        try:
            path = save_snapshot(picture, view, self._folder)
        except OSError as error:
            self._fail(f"the snapshot could not be saved to {self._folder}: {error.strerror or error}")
        else:
            self.snapshots.append(str(path))
            self.message = f"saved {path.name}"

    def _fail(self, failure: str) -> None:
        self.failures.append(failure)
        self.message = failure


def save_snapshot(picture: Picture, view: View, folder: Path) -> Path:
    """Save a JPEG whose comment is the JSON of its labels, and whose EXIF has label, program and time.

    Args:
        picture: `(H, W, 3)` uint8 BGR.
        view: Whose labels are written.
        folder: Made if it is not there.

    Returns:
        The file's path, named after the time.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = _now()
    path = folder / f"edgecnn-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}.jpg"
    exif = Image.Exif()
    # EXIF's text is ASCII by its standard; the comment below has every letter.
    exif[_IMAGE_DESCRIPTION] = f"{view.label} {view.score:.1%}".encode("ascii", "replace").decode()
    exif[_SOFTWARE] = "edgecnn"
    exif[_DATE_TIME] = f"{now:%Y:%m:%d %H:%M:%S}"
    comment = json.dumps(
        {"time": now.isoformat(timespec="milliseconds"), **view.to_dict()}, ensure_ascii=False, allow_nan=False
    )
    data = io.BytesIO()
    image = Image.fromarray(swap_channels(picture).copy())
    image.save(data, "JPEG", quality=92, exif=exif, comment=comment.encode())
    replace_atomically(path, data.getvalue())
    return path


def _now() -> datetime.datetime:
    return datetime.datetime.now().astimezone()
