"""edgecnn_export: from `nn.Module` or `.onnx` to one self-describing, self-proving model file."""
