"""Records frames to a file at their true times, in a thread of its own."""

import queue
import threading
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.live.frame import Picture, cv2

from edgecnn.camera.mkv import MkvWriter

__all__ = ["Recorder"]

_WAITING = 4  # frames that may wait for the encoder; with more, frames are left out rather than memory filled
_QUALITY = 88


class Recorder:
    """Records until `close`; the file plays up to its last frame even if the program is killed.

    Args:
        path: Ends in `.mkv`; must not exist. Frame times are kept to the millisecond.

    Attributes:
        frames: How many were written.
        left_out: How many were not, because encoding was too slow.
        error: Why the recording ended by itself; empty while all is well.

    Raises:
        OptionError: Another ending, or the file is there already.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".mkv":
            raise OptionError(f"cannot record to {path}: recordings are Matroska files; give a name that ends in .mkv.")
        if path.exists():
            raise OptionError(f"{path} is there already; give another name, or move it away first.")
        if not path.parent.is_dir():
            raise OptionError(f"cannot record to {path}; the folder {path.parent} is not there.")
        self.path = path
        self.frames = self.left_out = 0
        self.error = ""
        self._queue: queue.Queue[tuple[Picture, float] | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="edgecnn-recorder", daemon=True)
        self._thread.start()

    def add(self, bgr: Picture, at_s: float) -> None:
        """Hand a frame over; returns at once.

        Args:
            bgr: `(H, W, 3)` uint8 BGR, which nobody changes any more.
            at_s: Monotonic time of its grab, in seconds.
        """
        if self.error:
            return
        try:
            self._queue.put_nowait((bgr, at_s))
        except queue.Full:
            self.left_out += 1

    def close(self) -> None:
        """Write what waits and finish the file."""
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=0.2)
                break
            except queue.Full:
                continue
        self._thread.join()

    def _run(self) -> None:
        writer: MkvWriter | None = None
        size, start_s = (0, 0), 0.0
        try:
            while (item := self._queue.get()) is not None:
                bgr, at_s = item
                if writer is None:
                    size, start_s = (bgr.shape[1], bgr.shape[0]), at_s
                    writer = MkvWriter(self.path, size)
                elif (bgr.shape[1], bgr.shape[0]) != size:
                    # One file has one size; a source that came back with another is scaled to it.
                    bgr = np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
                jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
                writer.write(jpeg, at_s - start_s)
                self.frames += 1
        except OSError as error:
            self._fail(error)
        finally:
            if writer is not None:
                try:
                    writer.close()
                except OSError as error:
                    self._fail(error)

    def _fail(self, error: OSError) -> None:
        if not self.error:
            self.error = f"recording to {self.path} ended: {error.strerror or error}"
        # Whoever still hands frames over or waits in close must not hang on a full queue.
        while True:
            try:
                if self._queue.get_nowait() is None:
                    return
            except queue.Empty:
                return
