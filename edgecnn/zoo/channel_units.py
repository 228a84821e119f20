"""Mean and deviation as people copy them: in units of 0 to 1, or of 0 to 255 as older frameworks state them."""

from dataclasses import dataclass

from edgecnn_runtime import OptionError

__all__ = ["NORMALIZATIONS", "ChannelStatistics", "in_units_of_one"]

Channels = tuple[float, float, float]

_LARGEST_MEAN, _LARGEST_STD = 1.0, 2.0
"""Pixels from 0 to 1 have no larger mean, and no deviation above 0.5; 1 says that none was divided by."""


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and deviation a channel, in units of 0 to 1.

    Attributes:
        mean: Of the training pictures; None where it was not given.
        std: Likewise.
        note: What was converted, as a sentence; empty when the numbers came in units of 0 to 1.
    """

    mean: Channels | None
    std: Channels | None
    note: str = ""


# What networks commonly take, by the names of `edgecnn export --preprocess`.
NORMALIZATIONS = {
    "imagenet": ChannelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "zero-one": ChannelStatistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "minus-one-one": ChannelStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ChannelStatistics((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


def in_units_of_one(mean: Channels | None, std: Channels | None) -> ChannelStatistics:
    """Convert `--mean` and `--std` that can only be meant in units of 0 to 255.

    Args:
        mean: As given, or None.
        std: As given, or None; without it, a mean in units of 0 to 255 is only subtracted, as Caffe does.

    Raises:
        OptionError: The numbers fit neither units.
    """
    largest_mean, largest_std = max(mean or (0.0,)), max(std or (0.0,))
    if largest_mean <= _LARGEST_MEAN and largest_std <= _LARGEST_STD:
        return ChannelStatistics(mean, std)
    divisor = std or (1.0, 1.0, 1.0)
    mean_fits = all(value == 0 or 1 < value <= 255 for value in mean or ())
    if not mean_fits or not all(1 <= value <= 255 for value in divisor):
        raise OptionError(
            f"--mean {_listed(mean)} and --std {_listed(std)} fit neither pixels from 0 to 1 (as 0.485,0.456,0.406 and "
            "0.229,0.224,0.225) nor pixels from 0 to 255 (as 123.675,116.28,103.53 and 58.395,57.12,57.375)."
        )
    converted = ChannelStatistics(_divided(mean or (0.0, 0.0, 0.0)), _divided(divisor))
    note = (
        f"--mean {_listed(mean)} and --std {_listed(std)} are in units of 0 to 255; taken as "
        f"--mean {_listed(converted.mean)} --std {_listed(converted.std)} in units of 0 to 1."
    )
    return ChannelStatistics(converted.mean, converted.std, note)


def _divided(values: Channels) -> Channels:
    first, second, third = (value / 255 for value in values)
    return first, second, third


def _listed(values: Channels | None) -> str:
    return "(not given)" if values is None else ",".join(f"{value:.6g}" for value in values)
