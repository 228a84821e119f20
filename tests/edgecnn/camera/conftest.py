import importlib.util

_MISSING = [name for name in ("cv2", "onnx") if importlib.util.find_spec(name) is None]
# The modules import what is missing at their top, so they cannot even be collected.
collect_ignore_glob = ["test_*.py"] if _MISSING else []
if not _MISSING:
    from support.live import classifier, mjpeg  # noqa: F401 - fixtures
