import os
import sys
import time

import pytest
from edgecnn_runtime.files import atomic_path, replace_atomically
from support.command import Running, python


def test_a_new_file_is_whole_and_readable_by_others(tmp_path):
    path = tmp_path / "model.onnx"
    replace_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert list(tmp_path.iterdir()) == [path]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def broken():
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        replace_atomically(tmp_path / "absent" / "model.onnx", b"new")


def test_a_device_is_never_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="is no regular file"):
        replace_atomically(pipe, b"new")
    assert pipe.is_fifo()


def test_a_kill_while_writing_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    program = (
        "import sys\nfrom edgecnn_runtime.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary, temporary.open('wb') as file:\n"
        "    while True:\n"
        "        file.write(bytes(1000)); file.flush()\n"
        "        if file.tell() > 5_000_000: file.truncate(0); file.seek(0)\n"
    )
    with Running(sys.executable, "-c", program, path) as writer:
        deadline = time.monotonic() + 30
        while not [p for p in tmp_path.iterdir() if p != path and p.stat().st_size > 10_000]:
            assert writer.alive
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert path.read_bytes() == b"old"
    replace_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]  # what the kill has left is gone


def test_only_what_nobody_writes_any_more_is_swept(tmp_path):
    path = tmp_path / "model[1].onnx"
    names = (".model[1]-forgotten.onnx.tmp", ".model[1]-fresh.onnx.tmp", ".model1-x.onnx.tmp")
    others = [tmp_path / name for name in names]
    for other in others:
        other.write_bytes(b"")
    hours_ago = time.time() - 2 * 3600
    for other in (others[0], others[2]):
        os.utime(other, (hours_ago, hours_ago))
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"first")
        replace_atomically(path, b"second")
        assert temporary.is_file() and path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert set(tmp_path.iterdir()) == {path, others[1], others[2]}


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    program = (
        "import resource, sys\nfrom edgecnn_runtime.files import replace_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "replace_atomically(sys.argv[1], bytes(100_000))\n"
    )
    done = python("-c", program, path)
    assert "OSError" in done.err
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
