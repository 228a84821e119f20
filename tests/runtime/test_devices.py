import builtins
import sys
import types
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from edgecnn_runtime import Classifier, DeviceError, DeviceWarning, MissingPackageError, ModelFileError, verify
from edgecnn_runtime.devices import DEVICES, available_providers, candidates, parse_device, why_missing
from edgecnn_runtime.session import session_options
from support.models import packed, random_pixels

CPU, CUDA, DML = "CPUExecutionProvider", "CUDAExecutionProvider", "DmlExecutionProvider"


class StandIn:
    """A stand-in for an ONNX Runtime with other providers: sessions really run, on the CPU, and note what was asked."""

    def __init__(self, offered: list[str], *, starts: bool = True, raises: bool = False) -> None:
        self.offered, self.starts, self.raises = offered, starts, raises
        self.asked: list[tuple[list, onnxruntime.SessionOptions]] = []

    def get_available_providers(self) -> list[str]:
        return self.offered

    def session(self, data, options, providers):
        # What a file takes is forecast by shape inference alone, on the CPU; that session answers nothing.
        if options.graph_optimization_level != onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL:
            self.asked.append((providers, options))
        names = [p if isinstance(p, str) else p[0] for p in providers]
        if self.raises and names[0] != CPU:
            raise RuntimeError("libcudart.so.12: cannot open shared object file")
        session = self.real(data, options, providers=[CPU])
        running = types.SimpleNamespace(run=session.run, get_inputs=session.get_inputs, get_outputs=session.get_outputs)
        running.get_providers = lambda: names if self.starts else [CPU]
        return running


@pytest.fixture
def stand_in(monkeypatch):
    def install(offered, **options):
        fake = StandIn(offered, **options)
        fake.real = onnxruntime.InferenceSession
        monkeypatch.setattr(onnxruntime, "get_available_providers", fake.get_available_providers)
        monkeypatch.setattr(onnxruntime, "InferenceSession", fake.session)
        return fake

    return install


def test_the_table_reads_names_and_numbers():
    assert parse_device("cpu") == DEVICES["cpu"]
    assert parse_device("cuda") == DEVICES["cuda"]
    assert parse_device("cuda:1") == replace(DEVICES["cuda"], number=1)
    assert parse_device("dml:0") == replace(DEVICES["dml"], number=0)
    for text in ("openvino", "coreml", "qnn"):
        assert parse_device(text).name == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpu", "the device 'gpu' is unknown; expected auto, cuda, dml, coreml, qnn, openvino, cpu"),
        ("", "the device '' is unknown"),
        ("CUDA", "the device 'CUDA' is unknown"),
        ("cuda:", "the device 'cuda:' cannot be read; expected cuda:0"),
        ("cuda:-1", "expected cuda:0"),
        ("cuda:one", "expected cuda:0"),
        ("cpu:1", r"the device 'cpu:1' cannot be read; expected cpu\."),
    ],
)
def test_unknown_devices_list_the_known_ones(text, message):
    with pytest.raises(DeviceError, match=message):
        Classifier(packed(), device=text)


def test_auto_prefers_the_gpu_and_never_takes_openvinos_cpu_by_itself():
    offered = (CPU, DML, CUDA, "OpenVINOExecutionProvider")
    assert [device.name for device in candidates("auto", offered)] == ["cuda", "dml", "cpu"]
    assert [device.name for device in candidates("auto", (CPU,))] == ["cpu"]


def test_the_cpu_runs_here_without_a_word(recwarn):
    for device in ("auto", "cpu"):
        if device == "auto" and available_providers()[0] != CPU:
            continue
        classifier = Classifier(packed(), device=device, require=True)
        assert (classifier.device, classifier.provider, classifier.device_note) == ("cpu", CPU, "")
    assert not [w for w in recwarn if issubclass(w.category, DeviceWarning)]


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0"])
def test_cuda_is_taken_where_it_starts(stand_in, device):
    fake = stand_in([CUDA, CPU])
    classifier = Classifier(packed(), device=device, require=True)
    assert (classifier.device, classifier.provider, classifier.device_note) == ("cuda:0", CUDA, "")
    providers, _ = fake.asked[0]
    assert providers[0][0] == CUDA
    assert providers[1] == CPU
    result = classifier(random_pixels(1)[0])
    assert (result.device, result.provider) == ("cuda:0", CUDA)


def test_the_number_reaches_the_provider(stand_in):
    fake = stand_in([CUDA, DML, CPU])
    assert Classifier(packed(), device="cuda:2").device == "cuda:2"
    assert fake.asked[-1][0][0] == (CUDA, {"device_id": "2"})
    assert Classifier(packed(), device="dml:1").device == "dml:1"
    assert fake.asked[-1][0][0] == (DML, {"device_id": "1"})


def test_directml_runs_sequentially_without_memory_pattern(stand_in):
    fake = stand_in([DML, CPU])
    classifier = Classifier(packed(), device="auto")
    assert (classifier.device, classifier.provider) == ("dml:0", DML)
    options = fake.asked[0][1]
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert options.enable_mem_pattern is False
    Classifier(packed(), device="cpu")
    assert fake.asked[-1][1].enable_mem_pattern is True


def test_session_options_are_the_same_for_everybody(tmp_path):
    plain = session_options()
    assert plain.log_severity_level == 4
    assert plain.get_session_config_entry("session.force_spinning_stop") == "1"
    assert (plain.enable_cpu_mem_arena, plain.enable_profiling, plain.intra_op_num_threads) == (True, False, 0)
    other = session_options(threads=2, optimize=False, arena=False, profile=tmp_path / "profile")
    assert other.get_session_config_entry("session.force_spinning_stop") == "1"
    assert other.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    assert (other.enable_cpu_mem_arena, other.enable_profiling, other.intra_op_num_threads) == (False, True, 2)
    assert other.profile_file_prefix == str(tmp_path / "profile")


def test_openvino_gets_its_device_type(stand_in):
    fake = stand_in(["OpenVINOExecutionProvider", CPU])
    assert Classifier(packed(), device="openvino").device == "openvino"
    assert fake.asked[-1][0][0] == ("OpenVINOExecutionProvider", {"device_type": "CPU"})


@pytest.mark.parametrize("failure", [{"starts": False}, {"raises": True}])
def test_a_gpu_that_does_not_start_is_a_loud_warning_that_names_what_it_needs(stand_in, failure):
    stand_in([CUDA, CPU], **failure)
    with pytest.warns(DeviceWarning, match="onnxruntime-gpu has CUDAExecutionProvider, but it did not start") as caught:
        classifier = Classifier(packed(), device="cuda:1")
    text = str(caught[0].message)
    assert text.startswith("cuda:1 was asked for and cannot be used")
    assert "CUDA 12 or 13 and cuDNN 9" in text
    assert text.endswith("Running on the CPU instead.")
    assert caught[0].filename == __file__
    assert (classifier.device, classifier.provider) == ("cpu", CPU)
    assert "cuda:1 was asked for" in classifier.device_note
    assert classifier(random_pixels(1)[0]).provider == CPU
    with pytest.raises(DeviceError, match=r"cuda:1 was asked for and cannot be used: onnxruntime-gpu has"):
        Classifier(packed(), device="cuda:1", require=True)


def test_auto_says_that_a_gpus_wheel_ended_on_the_cpu(stand_in):
    stand_in([CUDA, CPU], starts=False)
    with pytest.warns(DeviceWarning, match=r"cuda:0 was tried and cannot be used: .* Running on cpu instead\."):
        classifier = Classifier(packed(), device="auto")
    assert (classifier.device, classifier.provider) == ("cpu", CPU)
    assert classifier.device_note.startswith("cuda:0 was tried and cannot be used: onnxruntime-gpu has")


@pytest.mark.parametrize(("device", "extra"), [("cuda", "cuda"), ("dml", "directml"), ("openvino", "openvino")])
def test_a_missing_wheel_is_named_with_the_line_to_type(stand_in, device, extra):
    stand_in([CPU])
    line = rf'no {DEVICES[device].provider} \(it has {CPU}\): .* type: pip install "edgecnn-runtime\[{extra}\]"'
    with pytest.raises(DeviceError, match=line):
        Classifier(packed(), device=device, require=True)
    with pytest.warns(DeviceWarning, match=line):
        assert Classifier(packed(), device=device).provider == CPU


def test_a_wheel_without_an_extra_is_named_too():
    assert "type: pip install onnxruntime-qnn" in why_missing(DEVICES["qnn"], (CPU,))


def test_a_broken_model_is_no_devices_fault(stand_in):
    stand_in([CUDA, CPU], starts=False)
    with pytest.raises(ModelFileError):
        Classifier(packed()[:-200], device="cuda")


def test_verify_says_where_it_ran(stand_in):
    stand_in([CUDA, CPU])
    proof = verify(packed(), device="cuda")
    assert (proof.device, proof.provider, proof.tolerance) == ("cuda:0", CUDA, 2e-2)
    assert verify(packed(), device="cpu").tolerance == 1e-3


def test_without_onnxruntime_the_line_to_type_is_shown(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "onnxruntime")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r'is not installed; type: pip install "edgecnn-runtime\[cpu\]"'):
        Classifier(packed())


def test_mixed_wheels_are_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    with pytest.raises(DeviceError, match="two of its wheels were mixed; type: pip uninstall -y onnxruntime"):
        Classifier(packed())


@pytest.mark.gpu
def test_a_real_gpu_gives_the_cpus_answers():
    if CUDA not in available_providers():
        pytest.skip(f"the installed onnxruntime has no {CUDA}")
    try:
        gpu = Classifier(device="cuda", require=True)
    except DeviceError as error:
        pytest.skip(f"no CUDA device starts here: {error}")
    assert gpu.provider == CUDA
    proof = verify(device="cuda", require=True)
    assert proof.passed, proof.reason
    pixels = random_pixels(4, 224, 224)
    expected = Classifier(device="cpu").logits(pixels)
    assert np.array_equal(gpu.logits(pixels).argmax(1), expected.argmax(1))
