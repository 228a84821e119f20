"""Options that several commands have, each said once."""

from typing import Annotated

import typer

__all__ = [
    "Classes", "Device", "Exact", "Json", "ModelArgument", "ModelOption", "RandomWeights", "Require", "Runs",
    "Threads", "Top",
]  # fmt: skip

ModelArgument = Annotated[str, typer.Argument(help="Model file, or `default` for the built-in one.")]
ModelOption = Annotated[str, typer.Option(help="Model file, or `default` for the built-in ImageNet model.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda[:n], dml[:n], openvino, coreml, qnn.")]
Require = Annotated[bool, typer.Option("--require", help="Fail if the device cannot be used.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of the network; one a core, for camera one less.")]
Exact = Annotated[bool, typer.Option("--exact", help="Decode large JPEGs in full instead of at a fraction.")]
Top = Annotated[int, typer.Option(min=1, help="How many of the most probable classes to show.")]
Classes = Annotated[list[str] | None, typer.Option("--class", help="A class by name or index; repeat for more.")]
Runs = Annotated[int, typer.Option(min=1, help="Timed runs to take the median of.")]
RandomWeights = Annotated[bool, typer.Option("--random-weights", help="No download; weights from seed 0.")]
Json = Annotated[bool, typer.Option("--json", help="Results as JSON, one object a line.")]
