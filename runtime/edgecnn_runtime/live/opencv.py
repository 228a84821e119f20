"""The one place where the live parts get OpenCV, so that a missing wheel gives the line to type."""

from edgecnn_runtime.errors import MissingPackageError

try:
    import cv2
except ImportError as error:
    raise MissingPackageError("OpenCV", extra="live", distribution="edgecnn-runtime") from error

__all__ = ["cv2"]
