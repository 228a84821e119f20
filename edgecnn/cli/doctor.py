"""`edgecnn doctor`: what is installed, which devices start, and what is missing for the others."""

import importlib.metadata
import os
import platform
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from edgecnn_runtime import Classifier, EdgecnnError, OptionError
from edgecnn_runtime.devices import DEVICES, available_providers, why_missing

from edgecnn.camera.process import set_environment
from edgecnn.cli.options import Json
from edgecnn.cli.output import print_json, say, show, shown, warn

__all__ = ["doctor"]

_PACKAGES = (
    "edgecnn", "edgecnn-runtime", "edgecnn-export", "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml",
    "onnxruntime-openvino", "numpy", "pillow", "opencv-python", "torch", "torchvision", "onnx",
)  # fmt: skip


def doctor(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="With --camera: what to try; each webcam if none.")
    ] = None,
    *,
    camera: Annotated[bool, typer.Option("--camera", help="Try cameras instead: sizes, formats, rates, ages.")] = False,
    json: Json = False,
) -> None:
    """Show versions, the processor, and for every device whether the built-in model really runs there.

    Example: edgecnn doctor
    """
    if sources and not camera:
        raise OptionError(f"{sources[0]!r} is a source to try; type: edgecnn doctor --camera SOURCE.")
    if camera:
        _try_cameras(sources or [], as_json=json)
        return
    offered = available_providers()
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "devices": {name: _try(name, offered) for name in DEVICES},
    }
    if json:
        print_json(report)
        return
    show(f"Python {report['python']} on {report['system']}, {report['cores']} cores")
    show(f"processor: {shown(report['processor']['name'])}; int8 instructions: {report['processor']['int8']}")
    show("packages: " + ", ".join(f"{name} {version}" for name, version in report["packages"].items()))
    for name, state in report["devices"].items():
        mark = typer.style("works", fg="green") if state["works"] else typer.style("no   ", fg="yellow")
        show(f"  {name:9}{mark}  {shown(state['note'])}")
    wheels = [name for name in report["packages"] if name.startswith("onnxruntime")]
    if len(wheels) > 1:
        warn(f"{' and '.join(wheels)} are both installed and overwrite each other; keep one.")


def _try_cameras(sources: list[str], *, as_json: bool) -> None:
    set_environment()
    from edgecnn.camera.checkup import check_cameras, check_source

    found = [check_source(source) for source in sources] if sources else check_cameras()
    if as_json:
        system = {"python": platform.python_version(), "system": platform.platform()}
        versions = {name: version for name in ("edgecnn", "opencv-python") if (version := _version(name))}
        print_json({**system, "packages": versions, "cameras": [checkup.to_dict() for checkup in found]})
    else:
        for checkup in found:
            show(shown(checkup.line))
    if not found:
        say("no camera was found; name a video file, an rtsp:// or an http:// address to try that.")
    if not all(checkup.works for checkup in found):
        raise typer.Exit(1)


def _try(name: str, offered: tuple[str, ...]) -> dict[str, Any]:
    device = DEVICES[name]
    if device.provider not in offered:
        return {"provider": device.provider, "works": False, "note": why_missing(device, offered)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            classifier = Classifier(device=name, require=True)
    except EdgecnnError as error:
        return {"provider": device.provider, "works": False, "note": str(error)}
    return {"provider": classifier.provider, "works": True, "note": classifier.provider}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> dict[str, str]:
    """Name and int8 dot-product instructions, from /proc/cpuinfo where there is one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {"name": platform.processor() or platform.machine(), "int8": "not known on this system"}
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    found = [name for name in ("amx_int8", "avx512_vnni", "avx_vnni", "avx2", "i8mm", "asimddp") if name in flags]
    return {"name": facts.get("model name", platform.machine()), "int8": ", ".join(found) or "none"}
