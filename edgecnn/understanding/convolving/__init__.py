"""`edgecnn convolve`: the sliding window made visible."""
