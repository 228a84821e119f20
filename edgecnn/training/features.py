"""What a frozen network sees in every picture, computed once and kept on disk by content.

The file's name is a hash of the frozen weights, of the preprocessing and of the pictures: anything that changes the
features changes the name, so an old file can never answer for something new.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from edgecnn_runtime.files import replace_atomically
from torch import nn

from edgecnn.data.dataset import DataSet, Pictures
from edgecnn.training.batches import Normalize
from edgecnn.training.blocks import weights_bytes
from edgecnn.training.threads import threads_an_operation

__all__ = ["CACHE", "Features", "frozen_features"]

CACHE = Path("~/.cache/edgecnn/features")
BATCH = 8

Features = npt.NDArray[np.float32]


def frozen_features(
    front: nn.Module,
    data: DataSet,
    split: str,
    normalize: Normalize,
    *,
    cache: Path | None,
    device: torch.device,
    on_pictures: Callable[[int], None] | None = None,
) -> tuple[Features, bool]:
    """Output of the frozen part for every picture of a split.

    Args:
        front: The frozen part, in evaluation mode.
        data: The data set; its fingerprint is part of the file's name.
        split: `train` or `test`.
        normalize: From pixels to the network's input.
        cache: Folder of the files; nothing is kept when None.
        device: Where the network is.
        on_pictures: Told how many more pictures are done.

    Returns:
        `(N, …)` float32, and whether it came from the disk.
    """
    pictures: Pictures = data.train if split == "train" else data.test
    path = None
    if cache is not None:
        path = cache.expanduser() / f"{_key(front, data, split, normalize)}.npy"
        kept = _read(path, len(pictures.labels))
        if kept is not None:
            return kept, True
    features = _compute(front, pictures, normalize, device=device, on_pictures=on_pictures)
    if path is not None:
        _write(path, features)
    return features, False


def _compute(
    front: nn.Module,
    pictures: Pictures,
    normalize: Normalize,
    *,
    device: torch.device,
    on_pictures: Callable[[int], None] | None,
) -> Features:
    front = front.eval().to(memory_format=torch.channels_last)

    def run(start: int) -> Features:
        numbers = np.arange(start, min(start + BATCH, len(pictures.labels)))
        with torch.inference_mode():
            inputs = normalize(torch.from_numpy(pictures.batch(numbers)).to(device))
            features = front(inputs).float().cpu().contiguous().numpy()
        if on_pictures is not None:
            on_pictures(len(numbers))
        return np.asarray(features)

    # A core to each batch, not a batch to all cores: none waits, and any number of cores gives the same bits.
    workers = 1 if device.type == "cuda" else torch.get_num_threads()
    with (
        threads_an_operation(1),  # MKL keeps one number for all threads, which is put back
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        return np.concatenate(list(pool.map(run, range(0, len(pictures.labels), BATCH))))


def _key(front: nn.Module, data: DataSet, split: str, normalize: Normalize) -> str:
    whole = hashlib.blake2b(digest_size=16)
    for part in weights_bytes(front):
        whole.update(part)
    code = getattr(front, "code", type(front).__name__)  # where the network is cut
    settings = [data.fingerprint, split, normalize.mean, normalize.std, data.preprocess.to_dict(), str(code)]
    whole.update(json.dumps(settings, sort_keys=True).encode())
    return whole.hexdigest()


def _read(path: Path, count: int) -> Features | None:
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # not there, or damaged: it is computed again
    good = features.dtype == np.float32 and features.ndim >= 2 and len(features) == count
    return features if good else None


def _write(path: Path, features: Features) -> None:
    buffer = io.BytesIO()
    np.save(buffer, features)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(path, buffer.getvalue())
    except OSError:
        return  # a cache that cannot be written costs time later, not the run now
