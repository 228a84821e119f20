"""Other people's `.onnx`, brought to the one form that everything behind the import expects."""
