"""Class activation maps: where a network saw a class.

Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["class_activation_map"]


def class_activation_map(
    features: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], index: int
) -> npt.NDArray[np.float32]:
    """Sum the last feature map over its channels with the weights of one class.

    Args:
        features: `(channels, h, w)`: what goes into the global average pooling, of one picture.
        weights: `(classes, channels)` float32 of the linear layer behind the pooling.
        index: Row of the class in the weights.

    Returns:
        `(h, w)` float32, unscaled, positive where it speaks for the class.
    """
    return np.asarray(np.tensordot(weights[index], features, axes=1), np.float32)
