"""`edgecnn dream`: feature visualization."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime import ModelFileError, OptionError

from edgecnn.cli.options import Classes, Json, RandomWeights
from edgecnn.cli.output import print_json, progress, say, show, shown

if TYPE_CHECKING:
    from edgecnn_export.network import Network

    from edgecnn.understanding.dreaming import Dream

__all__ = ["dream"]


def dream(
    model: Annotated[
        str, typer.Argument(help="A name of `edgecnn zoo`, torchvision:NAME, timm:NAME, or the folder of a run.")
    ],
    layer: Annotated[list[str] | None, typer.Option(help="A module of the network; repeat for more.")] = None,
    channel: Annotated[list[int] | None, typer.Option(help="A channel of the layers; repeat for more.")] = None,
    classes: Classes = None,
    count: Annotated[int, typer.Option(min=1, help="Channels from 0 on, where none is given.")] = 8,
    size: Annotated[int, typer.Option(help="Side of the pictures in pixels.")] = 128,
    steps: Annotated[int, typer.Option(help="Steps of painting.")] = 160,
    seed: Annotated[int, typer.Option(help="Start of the chance.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Page (.html) or sheet (.png) to write.")] = Path(
        "dream.html"
    ),
    random_weights: RandomWeights = False,
    json: Json = False,
) -> None:
    """Paint the picture that a channel or a class answers to most.

    Example: edgecnn dream efficientnet_lite0 --layer blocks.3.0.conv_pw --channel 5 --channel 9
    """
    if not layer and not classes:
        raise OptionError("give --layer NAME or --class NAME; `edgecnn inspect` shows the layers' names.")
    from edgecnn.write import check_ending, write_file

    suffix = check_ending(output, "output", (".html", ".png"))
    network = _load(model, random_weights=random_weights)
    from edgecnn.names import find_class
    from edgecnn.understanding import dreaming
    from edgecnn.understanding.pages import file_bytes

    wanted: list[tuple[str | None, list[int]]] = [(name, list(channel or range(count))) for name in layer or []]
    if classes:
        wanted.append((None, [find_class(name, network.labels) for name in classes]))
    dreams: list[Dream] = []
    with progress("painting", steps * len(wanted), unit="steps") as advance:
        for name, channels in wanted:
            dreams += dreaming.dream(network, name, channels, size=size, steps=steps, seed=seed, advance=advance)
    if all(entry.silent for entry in dreams):
        silent = dreams[0]
        raise OptionError(f"{silent.label} answers to nothing that was tried: it is dead; take another channel.")
    if suffix == ".html":
        content: str | bytes = dreaming.dream_page(dreams, name=network.name, steps=steps, seed=seed)
    else:
        content = file_bytes(dreaming.dream_sheet(dreams))
    say(f"wrote {write_file(output, content)}")
    for entry in dreams:
        if json:
            print_json(
                {"layer": entry.layer, "channel": entry.channel, "activation": entry.activation, "silent": entry.silent}
            )
        else:
            show(f"{shown(entry.label)}: " + ("silent" if entry.silent else f"{entry.activation:.3f}"))


def _load(model: str, *, random_weights: bool) -> "Network":
    from edgecnn.zoo import NetworkRequest, load
    from edgecnn.zoo.resolve import resolve

    source = resolve(model)
    if isinstance(source, Path):
        raise ModelFileError(
            f"{model} is a model file, which has no gradients; give what it was made from: a zoo name, "
            "torchvision:NAME, timm:NAME or the folder of an `edgecnn train` run."
        )
    return load(source, NetworkRequest(random_weights=random_weights))
