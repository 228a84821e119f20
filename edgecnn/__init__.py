"""edgecnn: take an image-classification CNN from PyTorch to a device, and prove that the answer is still right."""

__version__ = "0.1.0"
