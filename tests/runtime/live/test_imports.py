from support.command import python


def test_without_opencv_the_line_to_type_is_named() -> None:
    done = python("-c", "import sys; sys.modules['cv2'] = None; import edgecnn_runtime.live")
    assert 'OpenCV is not installed; type: pip install "edgecnn-runtime[live]"' in done.err
