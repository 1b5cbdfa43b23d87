"""What operators need to read themselves from ONNX and to write themselves to it."""
