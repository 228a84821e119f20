"""`edgecnn train --list`: the networks that can be trained from scratch, and what they cost."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from edgecnn.cli.output import print_json
from edgecnn.zoo.small import SMALL_NETWORKS, create, measure_size

__all__ = ["show_networks"]


def show_networks(size: int, *, json: bool) -> None:
    """Print the networks for ten classes and color pictures of a side in pixels."""
    rows = [(network, measure_size(create(network.name, 10, size), size)) for network in SMALL_NETWORKS.values()]
    if json:
        for network, cost in rows:
            print_json({"name": network.name, "about": network.about, "size": size, **asdict(cost)})
        return
    table = Table(title=f"Networks for ten classes, {size}×{size} pictures", box=None)
    for heading in ("network", "parameters", "M MACs", "fp32 KB", "int8 KB", ""):
        table.add_column(heading, justify="right" if heading not in ("network", "") else "left")
    for network, cost in rows:
        numbers = (cost.bytes_fp32 / 1000, cost.bytes_int8 / 1000)
        table.add_row(
            network.name,
            f"{cost.parameters:,}",
            f"{cost.macs / 1e6:.1f}",
            *(f"{value:,.0f}" for value in numbers),
            network.about,
        )
    Console(soft_wrap=True).print(table)
    typer.echo("Files add 20 to 30 KB. Also: --from efficientnet_lite0, torchvision:NAME, timm:NAME, a run folder.")
