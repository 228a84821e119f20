"""Device names, the ONNX Runtime providers behind them, and which of them this installation offers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgecnn_runtime.errors import DeviceError, MissingPackageError, UnknownDeviceError

__all__ = [
    "DEVICES",
    "Device",
    "DeviceWarning",
    "available_providers",
    "candidates",
    "import_onnxruntime",
    "parse_device",
    "why_missing",
]


class DeviceWarning(UserWarning):
    """The network does not run where it was asked to."""


@dataclass(frozen=True)
class Device:
    """One row of the table, or one device of its kind.

    Attributes:
        name: What a user types.
        provider: ONNX Runtime's name of the execution provider.
        package: The wheel that brings it.
        extra: The extra of edgecnn-runtime that installs that wheel, or None where there is no such extra.
        index_option: Provider option that takes the number after the colon, as in `cuda:1`.
        options: Provider options that are always given.
        sequential: Needs sequential execution without memory pattern, as DirectML's documentation demands.
        needs: What the machine must have besides the wheel.
        number: The number after the colon; None where there was none.
    """

    name: str
    provider: str
    package: str = "onnxruntime"
    extra: str | None = None
    index_option: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    sequential: bool = False
    needs: str = ""
    number: int | None = None

    @property
    def full_name(self) -> str:
        """The name with its number where it has one: `cpu`, `cuda:0`, …."""
        return self.name if self.index_option is None else f"{self.name}:{self.number or 0}"

    @property
    def provider_options(self) -> dict[str, str]:
        """Options for ONNX Runtime's provider, the number among them."""
        if self.index_option is None or self.number is None:
            return dict(self.options)
        return {**self.options, self.index_option: str(self.number)}


# In the order in which `auto` prefers them.
DEVICES: dict[str, Device] = {
    device.name: device
    for device in (
        Device(
            name="cuda",
            provider="CUDAExecutionProvider",
            package="onnxruntime-gpu",
            extra="cuda",
            index_option="device_id",
            needs="an NVIDIA GPU with its driver, CUDA 12 or 13 and cuDNN 9 as onnxruntime-gpu was built for",
        ),
        Device(
            name="dml",
            provider="DmlExecutionProvider",
            package="onnxruntime-directml",
            extra="directml",
            index_option="device_id",
            sequential=True,
            needs="Windows 10 1903 or later and a DirectX 12 GPU",
        ),
        Device(
            name="coreml",
            provider="CoreMLExecutionProvider",
            extra="cpu",
            needs="macOS on a Mac that Core ML supports",
        ),
        Device(name="qnn", provider="QNNExecutionProvider", package="onnxruntime-qnn", needs="a Qualcomm NPU"),
        Device(
            name="openvino",
            provider="OpenVINOExecutionProvider",
            package="onnxruntime-openvino",
            extra="openvino",
            options={"device_type": "CPU"},
            needs="an Intel CPU, GPU or NPU",
        ),
        Device(name="cpu", provider="CPUExecutionProvider", extra="cpu"),
    )
}


def parse_device(text: str) -> Device:
    """The device behind a name such as `cpu` or `cuda:1`.

    Raises:
        UnknownDeviceError: An unknown name, a number that is none, or one where the device takes none.
    """
    name, colon, number = text.partition(":")
    device = DEVICES.get(name)
    if device is None:
        raise UnknownDeviceError(
            f"the device {text!r} is unknown; expected auto, {', '.join(DEVICES)} (cuda:1 for the second GPU)."
        )
    if not colon:
        return device
    if device.index_option is None or not number.isdecimal():
        raise UnknownDeviceError(f"the device {text!r} cannot be read; expected {device.full_name}.")
    return replace(device, number=int(number))


def available_providers() -> tuple[str, ...]:
    """Providers that the installed ONNX Runtime was built with; they may still fail to start.

    Raises:
        MissingPackageError: No ONNX Runtime is installed.
    """
    return tuple(import_onnxruntime().get_available_providers())


def import_onnxruntime() -> Any:
    """The `onnxruntime` module.

    Raises:
        MissingPackageError: It is not installed; the message is the line to type.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError("onnxruntime", extra="cpu", distribution="edgecnn-runtime") from error
    if not hasattr(onnxruntime, "InferenceSession"):
        # Two of its wheels were installed over each other and one was removed again: an empty folder is left.
        raise DeviceError(
            "onnxruntime is installed but broken, most likely because two of its wheels were mixed; type: "
            "pip uninstall -y onnxruntime onnxruntime-gpu onnxruntime-directml onnxruntime-openvino && "
            'pip install "edgecnn-runtime[cpu]"'
        )
    return onnxruntime


def candidates(requested: str, offered: Sequence[str]) -> list[Device]:
    """Devices to try for a request, best first: one for a name, all that are offered for `auto`."""
    if requested == "auto":
        # OpenVINO's CPU is no better device than the CPU; it is taken only by name.
        return [device for device in DEVICES.values() if device.provider in offered and device.name != "openvino"]
    return [parse_device(requested)]


def why_missing(device: Device, offered: Sequence[str]) -> str:
    """One sentence on why a device did not start, and what to do about it."""
    if device.provider in offered:
        return (
            f"{device.package} has {device.provider}, but it did not start here: it needs "
            f"{device.needs or 'what its documentation lists'}"
        )
    line = f'pip install "edgecnn-runtime[{device.extra}]"' if device.extra else f"pip install {device.package}"
    return (
        f"the installed onnxruntime has no {device.provider} (it has {', '.join(offered)}): "
        f"remove it (pip uninstall onnxruntime) and type: {line}; it needs {device.needs or 'nothing else'}"
    )
