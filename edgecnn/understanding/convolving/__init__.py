"""`edgecnn convolve`: the sliding window made visible."""

from edgecnn.understanding.convolving.arithmetic import ChannelMaps, Slide, convolve, convolve_channels, max_pool
from edgecnn.understanding.convolving.convolution import Convolution
from edgecnn.understanding.convolving.kernels import KERNELS, parse_kernels, parse_matrix
from edgecnn.understanding.convolving.page import convolve_page
from edgecnn.understanding.convolving.painting import animate, draw
from edgecnn.understanding.convolving.steps import Step, format_matrix, format_trace, trace

__all__ = [
    "KERNELS",
    "ChannelMaps",
    "Convolution",
    "Slide",
    "Step",
    "animate",
    "convolve",
    "convolve_channels",
    "convolve_page",
    "draw",
    "format_matrix",
    "format_trace",
    "max_pool",
    "parse_kernels",
    "parse_matrix",
    "trace",
]
