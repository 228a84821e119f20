"""Data sets by name, by folder, by `.npz`: uint8 pictures, labels and the preprocessing that is deployed with them."""

from edgecnn.data.dataset import DataSet, Labels, LazyPictures, Pictures, PicturesInMemory, Pixels
from edgecnn.data.load import load_data

__all__ = ["DataSet", "Labels", "LazyPictures", "Pictures", "PicturesInMemory", "Pixels", "load_data"]
