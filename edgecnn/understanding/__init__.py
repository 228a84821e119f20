"""Look inside a network: what a convolution does, what a layer sees, why the network said so."""
