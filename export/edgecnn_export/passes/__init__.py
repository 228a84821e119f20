"""Graph surgery: passes that rewrite an ONNX graph."""
