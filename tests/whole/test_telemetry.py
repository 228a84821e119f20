"""Nothing that edgecnn starts leaves a device id: the telemetry of onnxruntime is off before it loads."""

import os

import pytest
from support.command import edgecnn, python

# Continuous integration silences the telemetry by itself, so a test that kept these would pass without us.
_QUIETING = dict.fromkeys(
    ("CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI", "JENKINS_URL", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
)


@pytest.fixture
def home(tmp_path):
    return {**_QUIETING, "HOME": str(tmp_path)}


def left_behind(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_command_leaves_nothing_in_an_empty_home(home, tmp_path, sample_images):
    done = edgecnn("classify", sample_images / "school_bus.jpg", env=home)
    assert done.code == 0, done
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("package", ["edgecnn_runtime", "edgecnn_export", "edgecnn.understanding.inspecting"])
def test_it_is_off_before_any_package_loads_onnxruntime(package, home, tmp_path):
    program = (
        f"import sys, os; import {package}; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'; "
        "from edgecnn_runtime import Classifier; Classifier()"
    )
    done = python("-c", program, env=home)
    assert done.code == 0, done
    assert left_behind(tmp_path) == []


def test_what_the_user_has_set_stays(home):
    program = "import edgecnn_runtime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = python("-c", program, env={**home, "ORT_DISABLE_TELEMETRY": "0"})
    assert done.out.strip() == "0", (done, os.environ.get("ORT_DISABLE_TELEMETRY"))
