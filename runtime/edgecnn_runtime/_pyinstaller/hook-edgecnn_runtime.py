"""PyInstaller: the built-in model travels with the program."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("edgecnn_runtime", includes=["models/*.onnx"])
