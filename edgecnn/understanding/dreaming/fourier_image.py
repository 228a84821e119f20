"""A picture that gradient descent can paint: Fourier coefficients with equal say, colors that vary independently.

Source: Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017, and its code, Lucid (Apache-2.0), where the
color matrix was measured on ImageNet.
"""

import math

import torch
from torch import Tensor, nn

__all__ = ["FourierImage", "shaken"]

# Square root of the covariance of ImageNet's colors: columns are brightness, blue-yellow, green-magenta.
_COLORS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class FourierImage(nn.Module):
    """A batch of pictures as Fourier coefficients.

    Args:
        count: Pictures.
        size: Side in pixels.
        generator: Where the start, a faint noise, comes from.
    """

    scale: Tensor
    colors: Tensor

    def __init__(self, count: int, size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.size = size
        down, across = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
        frequency = torch.sqrt(down**2 + across**2).clamp(min=1 / size)
        start = 0.01 * torch.randn(count, 3, size, frequency.shape[1], 2, generator=generator)
        self.coefficients = nn.Parameter(start)
        # Natural pictures hold energy as 1/f, so coefficients scaled so are equally easy to move.
        self.register_buffer("scale", 1 / frequency)
        colors = torch.tensor(_COLORS)
        self.register_buffer("colors", colors / colors.norm(dim=0).max())

    def forward(self) -> Tensor:
        """`(count, 3, size, size)` float32 RGB, 0 to 1."""
        spectrum = torch.view_as_complex(self.coefficients) * self.scale
        planes = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho") / 4
        return torch.sigmoid(torch.einsum("nchw,dc->ndhw", planes, self.colors))


def shaken(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Moved, scaled and turned a little at random, so that no pattern survives that hangs on exact pixels.

    Up to 6 % of the side, 10 % of the scale and 8 degrees; `(N, 3, H, W)`, all pictures alike.
    """
    move_x, move_y, scale, turn = (2 * torch.rand(4, generator=generator) - 1).tolist()
    factor, angle = 1 + 0.1 * scale, math.radians(8 * turn)
    cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
    # The sampling grid runs from -1 to 1, so 6 % of the side is 0.12.
    matrix = torch.tensor([[cosine, -sine, 0.12 * move_x], [sine, cosine, 0.12 * move_y]])
    grid = nn.functional.affine_grid(matrix.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
    return nn.functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
