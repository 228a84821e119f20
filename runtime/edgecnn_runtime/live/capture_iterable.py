"""Any iterable of RGB arrays as a source: for apps that grab their own pictures, and for tests."""

from collections.abc import Iterator

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.captures import check_picture
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.options import SourceOptions
from edgecnn_runtime.live.spec import SourceSpec

__all__ = ["IterableCapture", "open_iterable"]


class IterableCapture:
    """Pictures out of an iterable of `(H, W, 3)` uint8 RGB arrays; nothing is dropped."""

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        self._iterable = spec.value
        self._iterator: Iterator[object] = iter(spec.value)
        self._loop = options.loop
        self._step_s = 1 / options.fps if options.fps else None
        self._taken = 0
        self.position_s: float | None = None
        self.note = ""
        self.details = spec.name

    def read(self) -> Picture | None:
        """The next picture, as a BGR view of the RGB array; None at the end.

        Raises:
            SourceError: the iterable gave something that is no picture, or failed itself.
        """
        for _ in range(2):
            try:
                picture = next(self._iterator)
            except StopIteration:
                if not self._loop:
                    return None
                self._iterator = iter(self._iterable)
                continue
            except Exception as error:
                raise SourceError(f"the iterable of pictures failed: {error}") from error
            self.position_s = None if self._step_s is None else self._taken * self._step_s
            self._taken += 1
            # Gray and RGBA become three channels; the order of three is turned by the view alone.
            return check_picture(picture)[:, :, ::-1]
        return None

    def close(self) -> None:
        """Let a generator clean up after itself."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


def open_iterable(spec: SourceSpec, options: SourceOptions) -> IterableCapture:
    """Open an iterable of arrays."""
    return IterableCapture(spec, options)
