"""`edgecnn dream`: the picture that a channel or a class answers to most."""
