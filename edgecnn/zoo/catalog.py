"""The networks of the zoo from LeNet-5 to today: year, idea, size, cost, published accuracy and where it stands.

Facts only, in the `catalog.csv` beside, no torch: `edgecnn zoo` prints them at once; `edgecnn.zoo.load(entry.source)`
builds the network.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn_runtime import OptionError

from edgecnn.names import unknown_name

__all__ = ["CATALOG", "CatalogEntry", "find_entries"]


@dataclass(frozen=True)
class CatalogEntry:
    """One network.

    Attributes:
        name: As its paper calls it.
        year: Of the paper.
        idea: What was new, in a line.
        parameters: Learned numbers, as torch counts them (LeNet-5: as its paper does).
        macs: Multiply-accumulates for one picture, likewise; convolutions and matrix products.
        size: Height and width of the picture, in pixels.
        top1: Published share of right first answers, 0 to 1.
        data: Data set of `top1`.
        published: Where `top1` stands.
        source: What `edgecnn.zoo.load` takes; empty for a network that is only history.
    """

    name: str
    year: int
    idea: str
    parameters: int
    macs: int
    size: int
    top1: float
    data: str
    published: str
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.top1 < 1:
            raise OptionError(f"top1 of {self.name} is {self.top1}; expected a share between 0 and 1.")


def _read() -> Iterator[CatalogEntry]:
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers = {key: int(row[key]) for key in ("year", "parameters", "macs", "size")}
            values: dict[str, Any] = {**row, **numbers, "top1": float(row["top1"])}
            yield CatalogEntry(**values)


CATALOG: tuple[CatalogEntry, ...] = tuple(_read())


def find_entries(names: list[str]) -> list[CatalogEntry]:
    """Entries by name or source, in the catalog's order; all for an empty list.

    Raises:
        OptionError: No such entry; the nearest names are suggested.
    """
    if not names:
        return list(CATALOG)
    wanted = {name.lower() for name in names}
    known = {key.lower() for entry in CATALOG for key in (entry.name, entry.source) if key}
    for name in names:
        if name.lower() not in known:
            raise unknown_name("network", name, [entry.name for entry in CATALOG])
    return [entry for entry in CATALOG if entry.name.lower() in wanted or entry.source.lower() in wanted - {""}]
