"""An ONNX Runtime session on the device that was asked for, or a warning that says why it runs on another."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.devices import (
    DEVICES,
    Device,
    DeviceWarning,
    available_providers,
    candidates,
    import_onnxruntime,
    why_missing,
)
from edgecnn_runtime.errors import DeviceError, ModelFileError, quoted
from edgecnn_runtime.provider_library import missing_library, quiet, start_cuda

__all__ = ["OpenedSession", "create_session", "open_session", "session_options"]


Array = npt.NDArray[Any]


@dataclass(frozen=True)
class OpenedSession:
    """A loaded network and where it runs.

    Attributes:
        inference: The `onnxruntime.InferenceSession`.
        device: Name of the device that runs it, with its number where it has one.
        provider: The provider that really runs it, as the session reports it.
        note: Why this is not the device that was asked for; empty when it is.
    """

    inference: Any
    device: str
    provider: str
    note: str = ""

    def run(self, outputs: Sequence[str], fed: Mapping[str, Array]) -> list[Array]:
        """Named outputs for named inputs.

        Raises:
            ModelFileError: The graph has no such output, or it is no tensor.
            DeviceError: The device failed while running.
        """
        try:
            results = self.inference.run(list(outputs), dict(fed))
        # ONNX Runtime's exceptions share no base class with a name.
        except Exception as error:
            known = {output.name for output in self.inference.get_outputs()}
            unknown = [name for name in outputs if name not in known]
            if unknown:
                listed = quoted(", ".join(sorted(known)))
                raise ModelFileError(
                    f"the model has no output {quoted(unknown[0], 100)!r}; expected one of {listed}."
                ) from error
            raise DeviceError(f"{self.device} failed while running the network: {_reason(error)}") from error
        for name, result in zip(outputs, results, strict=True):
            if not isinstance(result, np.ndarray):
                raise ModelFileError(f"the output {name!r} is a {type(result).__name__}; expected one tensor.")
        return list(results)


def open_session(
    data: bytes, *, device: str = "auto", require: bool = False, threads: int | None = None
) -> OpenedSession:
    """Load a model on a device.

    Args:
        data: The model file's bytes; never a path, so that nothing beside the file can be read.
        device: `auto`, or a name of `edgecnn_runtime.devices.DEVICES` with an optional `:number`.
        require: Raise instead of falling back to the CPU.
        threads: Threads inside one operator; None leaves it to ONNX Runtime (one a core).

    Raises:
        DeviceError: The name is unknown, or `require` is set and the device did not start.
        ModelFileError: ONNX Runtime refuses the model.
        MissingPackageError: No onnxruntime is installed.
    """
    offered = available_providers()
    failures: list[str] = []
    for candidate in candidates(device, offered):
        try:
            inference = _start(data, candidate, threads=threads, offered=offered)
        except _DidNotStartError as error:
            verb = "tried" if device == "auto" else "asked for"
            failures.append(f"{candidate.full_name} was {verb} and cannot be used: {error}")
            continue
        if failures:
            _warn(f"{'; '.join(failures)}. Running on {candidate.full_name} instead.")
        return OpenedSession(
            inference=inference, device=candidate.full_name, provider=candidate.provider, note="; ".join(failures)
        )
    note = "; ".join(failures)
    if require:
        raise DeviceError(f"{note}.")
    _warn(f"{note}. Running on the CPU instead.")
    cpu = DEVICES["cpu"]
    inference = create_session(data, [cpu.provider], session_options(threads=threads))
    return OpenedSession(inference=inference, device=cpu.name, provider=cpu.provider, note=note)


def session_options(
    *,
    threads: int | None = None,
    optimize: bool = True,
    arena: bool = True,
    profile: str | os.PathLike[str] | None = None,
) -> Any:
    """Options for an ONNX Runtime session, the same wherever edgecnn makes one.

    Args:
        threads: Threads inside one operator; None leaves it to ONNX Runtime (one a core).
        optimize: Fuse and reorder operators; without it every one runs as the file states it.
        arena: Keep memory between runs; without it the largest batch's memory is given back.
        profile: Prefix of the file that a profile of every node is written to; None writes none.

    Returns:
        An `onnxruntime.SessionOptions`, which a caller may change further.

    Raises:
        MissingPackageError: No onnxruntime is installed.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions; what it warns of is nothing that a user can change
    if threads is not None:
        options.intra_op_num_threads = threads
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_cpu_mem_arena = arena
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = os.fspath(profile)
    # Threads spin between the operators of one run, where it pays, and not between runs, where it would burn a core.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


class _DidNotStartError(Exception):
    """Why a device cannot be used; never leaves this module."""


def _start(data: bytes, device: Device, *, threads: int | None, offered: Sequence[str]) -> Any:
    """A session that really runs on the device."""
    if device.provider not in offered:
        raise _DidNotStartError(why_missing(device, offered))
    options = session_options(threads=threads)
    if device.name == "cpu":
        return create_session(data, [device.provider], options)
    if device.sequential:
        options.execution_mode = import_onnxruntime().ExecutionMode.ORT_SEQUENTIAL
        options.enable_mem_pattern = False
    if device.name == "cuda":
        start_cuda()
    missing = missing_library(device.provider)
    if missing:
        raise _DidNotStartError(f"{missing} ({why_missing(device, offered)})")
    try:
        with quiet():
            session = create_session(
                data, [(device.provider, device.provider_options), "CPUExecutionProvider"], options
            )
    # A provider that fails to start may raise; the CPU's turn then tells whether the model itself is at fault.
    except (ModelFileError, RuntimeError, ValueError) as error:
        raise _DidNotStartError(why_missing(device, offered)) from error
    if session.get_providers()[0] != device.provider:
        raise _DidNotStartError(why_missing(device, offered))
    return session


def create_session(data: bytes, providers: list[Any], options: Any) -> Any:
    """An `onnxruntime.InferenceSession`, made as asked.

    Raises:
        ModelFileError: ONNX Runtime refuses the model.
        MissingPackageError: No onnxruntime is installed.
    """
    onnxruntime = import_onnxruntime()
    try:
        return onnxruntime.InferenceSession(data, options, providers=providers)
    # ONNX Runtime's exceptions share no base class with a name.
    except Exception as error:
        raise ModelFileError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    """ONNX Runtime's words on one line."""
    return " ".join(str(error).split())[:300]


def _warn(sentence: str) -> None:
    warnings.warn(sentence, DeviceWarning, stacklevel=4)
