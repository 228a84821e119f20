import os
import pickle
import signal
import time

import numpy as np
import pytest
from edgecnn_export.export_check import check_pictures, load_pictures
from edgecnn_export.to_onnx import to_onnx
from edgecnn_runtime import MissingPackageError, ModelFileError, OptionError
from support.command import python, start_edgecnn

from edgecnn.zoo import NetworkRequest, load
from edgecnn.zoo.export_process import load_graph

SOURCE = "torchvision:squeezenet1_1"
REQUEST = NetworkRequest(random_weights=True, size=(64, 64))


@pytest.fixture(scope="module")
def graph():
    return load_graph(SOURCE, REQUEST)


def test_it_is_the_graph_and_the_answers_of_the_network_here(graph):
    here = to_onnx(load(SOURCE, REQUEST))
    assert graph.model == here.model
    assert (graph.labels, graph.preprocess, graph.source) == (here.labels, here.preprocess, here.source)
    pictures = np.stack(load_pictures(check_pictures(), here.preprocess))
    np.testing.assert_allclose(graph.reference(pictures), here.reference(pictures), rtol=1e-5, atol=1e-6)


def test_the_reference_says_what_it_was_not_asked_about(graph):
    with pytest.raises(OptionError, match="asked about other pictures than these"):
        graph.reference(np.zeros((1, 64, 64, 3), np.uint8))


def test_torch_stays_out_of_the_process_that_quantizes():
    code = f"""if __name__ == "__main__":
        import sys
        from edgecnn.zoo import NetworkRequest
        from edgecnn.zoo.export_process import load_graph
        load_graph({SOURCE!r}, NetworkRequest(random_weights=True, size=(64, 64)))
        print("torch" in sys.modules)"""
    assert python("-c", code).out.strip() == "False"


def test_errors_come_back_with_the_place_they_happened_at(tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text("def make():\n    raise OverflowError('too deep')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="too deep") as caught:
        load_graph("failing:make", REQUEST)
    assert "failing.py" in str(caught.value.__cause__)


def test_a_process_that_dies_is_told(tmp_path, monkeypatch):
    (tmp_path / "dying.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="ended with code -9 before it was done; if the machine ran out of memory"):
        load_graph("dying:make", REQUEST)


def test_an_interruption_ends_both_processes_without_a_file(tmp_path):
    (tmp_path / "slow.py").write_text("import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    # A shell that runs the tests in the background lets its processes ignore interruptions; a terminal does not.
    terminal = "import os, signal; os.setsid(); signal.signal(signal.SIGINT, signal.default_int_handler)"
    child = tmp_path / "started"
    with start_edgecnn("export", "slow:make", "-o", "m.onnx", cwd=tmp_path, before=terminal) as running:
        until = time.monotonic() + 60
        while not (child.exists() and child.read_text()):
            assert running.alive and time.monotonic() < until
            time.sleep(0.05)
        os.killpg(running.process.pid, signal.SIGINT)  # as a terminal does
        done = running.finish()
    assert done.code == 130 and "Traceback" not in done.err, done
    assert not (tmp_path / "m.onnx").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.read_text()), 0)


def test_a_missing_package_is_the_same_error_on_the_other_side():
    error = pickle.loads(pickle.dumps(MissingPackageError("timm", extra="export")))
    assert (str(error), error.package) == ('timm is not installed; type: pip install "edgecnn[export]"', "timm")


def test_the_child_ends_when_its_parent_is_killed(tmp_path):
    (tmp_path / "slow.py").write_text("import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    child = tmp_path / "started"
    with start_edgecnn("export", "slow:make", "-o", "m.onnx", cwd=tmp_path) as running:
        until = time.monotonic() + 60
        while not (child.exists() and child.read_text()):
            assert running.alive and time.monotonic() < until
            time.sleep(0.05)
        # The pipe ends with the last process that holds it, which is the child; it says nothing on its way.
        done = running.finish(number=signal.SIGKILL, timeout_s=20)
    assert (done.code, done.err) == (-signal.SIGKILL, "")
