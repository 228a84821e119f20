from support.command import python


def test_without_opencv_the_line_to_type_is_named() -> None:
    done = python("-c", "import sys; sys.modules['cv2'] = None; import edgecnn_runtime.live")
    assert 'OpenCV is not installed; type: pip install "edgecnn-runtime[live]"' in done.err


def test_the_live_parts_need_no_torch_and_set_no_environment() -> None:
    program = (
        "import os, sys\nbefore = dict(os.environ)\n"
        "import edgecnn_runtime.live, edgecnn.camera.app\n"
        "heavy = {'torch', 'onnx', 'typer', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), {k for k in os.environ if k not in before and not k.startswith(('QT_', 'LD_'))})\n"
    )
    assert python("-c", program).out == "[] set()\n"
