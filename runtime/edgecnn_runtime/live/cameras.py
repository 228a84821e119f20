"""Which cameras this computer has."""

import importlib
import platform
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.errors import MissingPackageError, SourceError

__all__ = ["CameraInfo", "find_camera", "list_cameras"]

_SYSFS = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class CameraInfo:
    """A camera: the number to give as a source, its name, and its device path where there is one."""

    index: int
    name: str
    path: str = ""


def list_cameras(*, sysfs: Path = _SYSFS) -> tuple[CameraInfo, ...]:
    """The cameras of this computer, by number.

    Linux is read from sysfs; other systems need the package cv2-enumerate-cameras.

    Raises:
        MissingPackageError: Not Linux, and that package is not installed.
    """
    if sysfs.is_dir() or platform.system() == "Linux":
        return _from_sysfs(sysfs)
    try:
        package = importlib.import_module("cv2_enumerate_cameras")
    except ImportError as error:
        raise MissingPackageError("cv2-enumerate-cameras", extra="cameras", distribution="edgecnn-runtime") from error
    found: dict[int, CameraInfo] = {}
    for camera in package.enumerate_cameras():
        # Indexes above 99 carry the backend's number in their hundreds.
        index = camera.index % 100
        found.setdefault(index, CameraInfo(index, camera.name, camera.path or ""))
    return tuple(found[index] for index in sorted(found))


def find_camera(name: str, *, sysfs: Path = _SYSFS) -> int:
    """The number of the one camera whose name contains `name`, whatever the case.

    Raises:
        SourceError: None or several; the message lists what there is.
    """
    cameras = list_cameras(sysfs=sysfs)
    wanted = name.casefold()
    exact = [camera for camera in cameras if camera.name.casefold() == wanted]
    matching = exact or [camera for camera in cameras if wanted in camera.name.casefold()]
    if len(matching) == 1:
        return matching[0].index
    listed = ", ".join(f"{camera.index} {camera.name!r}" for camera in cameras) or "none"
    if not matching:
        raise SourceError(f"no camera is called {name!r}, nor is there such a file; cameras here: {listed}.")
    raise SourceError(f"{len(matching)} cameras are called {name!r}; give a number instead: {listed}.")


def _from_sysfs(sysfs: Path) -> tuple[CameraInfo, ...]:
    found = []
    for entry in sysfs.glob("video*"):
        number = entry.name.removeprefix("video")
        # A camera's second node (index 1, 2, …) carries metadata, no pictures.
        if number.isdecimal() and _text(entry / "index") in ("", "0"):
            found.append(CameraInfo(int(number), _text(entry / "name") or entry.name, f"/dev/{entry.name}"))
    return tuple(sorted(found, key=lambda camera: camera.index))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
