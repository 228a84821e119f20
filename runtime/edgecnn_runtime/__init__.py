"""edgecnn_runtime: model file and picture in, answer out; numpy, Pillow and ONNX Runtime only."""
