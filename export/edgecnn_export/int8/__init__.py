"""From a float network to an int8 one: calibration, grids, corrections, and the forecast of saturation."""
