"""What a frozen network sees in every picture, computed once and kept on disk by content.

The file's name is a hash of the frozen weights, of the preprocessing and of the pictures: anything that changes the
features changes the name, so an old file can never answer for something new.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from edgecnn_runtime.files import atomic_path
from edgecnn_runtime.normalization import Normalization
from torch import nn

from edgecnn.data.dataset import DataSet, Pictures
from edgecnn.training.normalize import normalize
from edgecnn.training.resources import intra_op_threads

__all__ = ["BATCH", "Features", "FrozenFeatures", "frozen_features"]

BATCH = 8
MEMORY_LIMIT = 2**30  # bytes of features above which they lie in a file instead of in memory

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FrozenFeatures:
    """What the frozen part gives for every picture of a split: `(N, …)` float32, and whether it was on disk already."""

    values: Features
    from_cache: bool


def frozen_features(
    front: nn.Module,
    data: DataSet,
    split: str,
    normalization: Normalization,
    *,
    cache: Path | None,
    device: torch.device,
    on_pictures: Callable[[int], None] = lambda count: None,
) -> FrozenFeatures:
    """Output of the frozen part for every picture of a split.

    Args:
        front: The frozen part, in evaluation mode.
        data: The data set; its fingerprint is part of the file's name.
        split: `train` or `test`.
        normalization: From pixels to the network's input.
        cache: Folder of the files; nothing is kept when None.
        device: Where the network is.
        on_pictures: Told how many more pictures are done.
    """
    pictures: Pictures = data.train if split == "train" else data.test
    path = None
    if cache is not None:
        path = cache.expanduser() / f"{_key(front, data, split=split, normalization=normalization)}.npy"
        kept = _read(path, len(pictures.labels))
        if kept is not None:
            return FrozenFeatures(kept, from_cache=True)
    front = front.eval().to(memory_format=torch.channels_last)

    def run(start: int) -> Features:
        numbers = np.arange(start, min(start + BATCH, len(pictures.labels)))
        with torch.inference_mode():
            inputs = normalize(torch.from_numpy(pictures.batch(numbers)).to(device), normalization)
            features = front(inputs).float().cpu().contiguous().numpy()
        on_pictures(len(numbers))
        return np.asarray(features)

    # A core to each batch, not a batch to all cores: none waits, and any number of cores gives the same bits.
    workers = 1 if device.type == "cuda" else torch.get_num_threads()
    with (
        intra_op_threads(1),  # MKL keeps one number for all threads, which is put back
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        features = _collect(pool.map(run, range(0, len(pictures.labels), BATCH)), len(pictures.labels))
    if path is not None:
        _write(path, features)
    return FrozenFeatures(features, from_cache=False)


def _collect(parts: Iterator[Features], count: int) -> Features:
    """One array of all parts; a large one lies in a file without a name, from which it is paged in as needed."""
    first = next(parts)
    shape = (count, *first.shape[1:])
    if 4 * math.prod(shape) <= MEMORY_LIMIT:
        features = np.empty(shape, np.float32)
        features[: len(first)] = first
        filled = len(first)
        for part in parts:
            features[filled : filled + len(part)] = part
            filled += len(part)
        return features
    with tempfile.TemporaryFile() as file:
        file.write(first.data)
        for part in parts:
            file.write(part.data)
        file.flush()
        return np.memmap(file, np.float32, "c", shape=shape)


def _key(front: nn.Module, data: DataSet, split: str, normalization: Normalization) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for name, value in sorted(front.state_dict().items()):
        whole.update(name.encode())
        whole.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    code = getattr(front, "code", type(front).__name__)  # where the network is cut
    statistics = (normalization.mean, normalization.std)
    settings = [data.fingerprint, split, *statistics, data.preprocess.to_dict(), str(code)]
    whole.update(json.dumps(settings, sort_keys=True).encode())
    return whole.hexdigest()


def _read(path: Path, count: int) -> Features | None:
    try:
        features: Features = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there, or damaged: it is computed again
    good = features.dtype == np.float32 and features.ndim >= 2 and len(features) == count
    return features if good else None


def _write(path: Path, features: Features) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, features)
    except OSError:
        return  # a cache that cannot be written costs time later, not the run now
