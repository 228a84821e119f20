from support.command import python


def test_the_camera_and_the_live_parts_need_no_torch_and_set_no_environment() -> None:
    program = (
        "import os, sys\nbefore = dict(os.environ)\n"
        "import edgecnn_runtime.live, edgecnn.camera.app\n"
        "heavy = {'torch', 'onnx', 'typer', 'rich'} & set(sys.modules)\n"
        "print(sorted(heavy), {k for k in os.environ if k not in before and not k.startswith(('QT_', 'LD_'))})\n"
    )
    assert python("-c", program).out == "[] set()\n"
