"""`edgecnn inspect`: layers, shapes, costs and receptive fields of a whole network."""
