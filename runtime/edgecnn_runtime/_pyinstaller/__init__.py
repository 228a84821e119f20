"""What PyInstaller must know to pack the runtime; it finds this folder by the entry point `pyinstaller40`."""

from pathlib import Path

__all__ = ["hook_dirs"]


def hook_dirs() -> list[str]:
    """The folder with the hooks."""
    return [str(Path(__file__).parent)]
