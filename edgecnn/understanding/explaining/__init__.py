"""`edgecnn explain`: why the network said so."""
