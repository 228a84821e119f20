"""The blocks of any network, counted from its end; and cutting a network in two before one of them.

A block is a part with weights that is found by opening plain containers: a convolution with the batch norm behind it,
one inverted residual of a MobileNet, one residual block of a ResNet, the last linear layer.
"""

from __future__ import annotations

from typing import Any

from edgecnn_runtime.errors import OptionError
from torch import fx, nn

__all__ = ["count_trained", "cut_before", "find_blocks", "freeze_norms", "train_only_last"]

_CONTAINERS = (nn.Sequential, nn.ModuleList)
_Norm = nn.modules.batchnorm._NormBase  # the base of all batch norms, which torch has no public name for


def find_blocks(module: nn.Module) -> list[list[str]]:
    """Names of the parts of each block, in the order of the network; parts without filters join the block before."""
    blocks: list[list[str]] = []
    for name, part in _open(module, ""):
        has_filters = any(isinstance(layer, nn.Conv2d | nn.Linear) for layer in part.modules())
        if has_filters or not blocks:
            blocks.append([name])
        elif any(True for _ in part.parameters()):
            blocks[-1].append(name)
    return blocks


def _open(module: nn.Module, prefix: str) -> list[tuple[str, nn.Module]]:
    found = []
    for name, part in module.named_children():
        if isinstance(part, _CONTAINERS):
            found += _open(part, f"{prefix}{name}.")
        else:
            found.append((prefix + name, part))
    return found


def train_only_last(module: nn.Module, count: int) -> list[str]:
    """Let only the last `count` blocks learn; gives the names of their parts.

    Raises:
        OptionError: The network has fewer blocks.
    """
    blocks = find_blocks(module)
    if count > len(blocks):
        raise OptionError(f"The network has {len(blocks)} blocks; {count} cannot be trained.")
    module.requires_grad_(False)
    names = [name for block in blocks[len(blocks) - count :] for name in block]
    for name in names:
        module.get_submodule(name).requires_grad_(True)
    return names


def freeze_norms(module: nn.Module) -> None:
    """Keep every batch norm at the statistics it came with: a few hundred pictures know them worse."""
    for part in module.modules():
        if isinstance(part, _Norm):
            part.eval()


class _BlockTracer(fx.Tracer):
    """Sees blocks as wholes, so that nothing inside one can hinder tracing."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self._names = names

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        # What lies beside the blocks (pooling, flattening, activations) is left whole too.
        return module_qualified_name in self._names or not isinstance(m, _CONTAINERS)


def cut_before(module: nn.Module, part: str) -> tuple[nn.Module, nn.Module]:
    """Two modules that share the weights: all up to a part of a block, and from there to the logits.

    Raises:
        OptionError: The network's forward cannot be followed, or more than one tensor crosses the cut.
    """
    names = {name for block in find_blocks(module) for name in block}
    try:
        graph = _BlockTracer(names).trace(module)
    # Tracing runs the network's own code with stand-ins for tensors, which can fail in any way.
    except Exception as error:
        raise OptionError(f"The network cannot be cut before '{part}' ({error}); use --unfreeze instead.") from error
    nodes = list(graph.nodes)
    place = next((i for i, node in enumerate(nodes) if node.op == "call_module" and node.target == part), None)
    if place is None:
        raise OptionError(f"The network never calls '{part}' by itself; use --unfreeze instead of --train-last.")
    later = set(nodes[place:])
    crossing = [node for node in nodes[:place] if node.op != "get_attr" and any(user in later for user in node.users)]
    if len(crossing) != 1:
        raise OptionError(f"{len(crossing)} tensors cross the cut before '{part}', not one; use --unfreeze instead.")
    return _front(module, nodes[:place], crossing[0]), _back(module, nodes, place=place, start=crossing[0])


def _front(module: nn.Module, nodes: list[fx.Node], result: fx.Node) -> nn.Module:
    graph, copies = fx.Graph(), dict[fx.Node, Any]()
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[result])
    return fx.GraphModule(module, graph).eval()


def _back(module: nn.Module, nodes: list[fx.Node], place: int, start: fx.Node) -> nn.Module:
    graph = fx.Graph()
    copies: dict[fx.Node, Any] = {start: graph.placeholder("features")}
    for node in nodes[:place]:
        if node.op == "get_attr":
            copies[node] = graph.node_copy(node)
    for node in nodes[place:]:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    return fx.GraphModule(module, graph).eval()


def count_trained(module: nn.Module) -> int:
    """How many parameters learn."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
