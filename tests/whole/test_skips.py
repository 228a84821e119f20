"""`--no-unexpected-skips`: in continuous integration a test that cannot run for want of a package fails."""

import shutil
from pathlib import Path

import pytest
from support.command import python

MODULES = {
    "test_module.py": "import pytest\npytest.importorskip('no_such_package', reason='no_such_package is not there')",
    "test_single.py": """
import pytest

@pytest.mark.skipif(True, reason="ffmpeg is not installed")
def test_package(): ...

@pytest.mark.gpu
@pytest.mark.skipif(True, reason="no accelerator")
def test_card(): ...

def test_data(data_dir): ...

@pytest.mark.xfail
def test_known(): assert False
""",
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs a card")
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_missing_package_fails_and_what_no_package_brings_skips(project):
    options = ("-q", "--no-unexpected-skips", "--continue-on-collection-errors")
    done = python("-m", "pytest", *options, cwd=project, env={"EDGECNN_DATA": None})
    assert done.code == 1
    assert "not expected to skip: Skipped: no_such_package is not there" in done.out
    assert "not expected to skip: Skipped: ffmpeg is not installed" in done.out
    assert "2 skipped, 1 xfailed, 2 errors" in done.out, done


def test_elsewhere_they_only_skip(project):
    done = python("-m", "pytest", "-q", cwd=project, env={"EDGECNN_DATA": None})
    assert done.code == 0, done
    assert "4 skipped, 1 xfailed" in done.out
