"""Pictures a second of edgecnn's training step against the same network and recipe written plainly in PyTorch fp32.

    python benchmarks/train_throughput.py [--network edge_cnn_small] [--batch 500] [--rounds 7]

Plain means: float32 pictures in the default layout, mirrored and moved one by one with torchvision's functions,
Nesterov SGD.
Both take the same pictures (random ones; speed does not depend on what they show), each in a process of its own, in
turn; medians.
"""

import argparse
import atexit
import contextlib
import json
import statistics
from collections.abc import Callable
from functools import partial

import torch
import torchvision.transforms.v2.functional as plain_functions
from edgecnn_runtime import Normalization
from measure import machine, processes_in_turn, ratio
from torch import nn

from edgecnn.data.augment import Augment
from edgecnn.training.default_recipes import RecipeChanges, default_recipe
from edgecnn.training.normalize import normalize
from edgecnn.training.number_format import choose_format
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.resources import freed_memory_kept
from edgecnn.training.run_files import run_versions
from edgecnn.zoo.small import create


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="edge_cnn_small")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    engines = {
        "edgecnn": partial(ours, arguments.network, arguments.batch),
        "plain": partial(plain, arguments.network, arguments.batch),
    }
    times = processes_in_turn(engines, rounds=arguments.rounds, runs=3)
    result = {
        "network": arguments.network,
        "batch": arguments.batch,
        "rounds": arguments.rounds,
        "threads": torch.get_num_threads(),
        "processor": machine(),
        **run_versions(),
    }
    for name, values in times.items():
        result[f"{name}_pictures_a_second"] = round(arguments.batch / statistics.median(values) * 1e3, 1)
    result["ratio"] = round(ratio(times, "plain", "edgecnn"), 2)
    print(json.dumps(result, indent=2))


def some_pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8), torch.randint(0, 10, (count,))


def ours(network: str, batch: int) -> Callable[[], object]:
    pixels, labels = some_pictures(batch)
    recipe = default_recipe("cifar10", network, size=32, pictures=50_000, changes=RecipeChanges(batch=batch))
    module = create(network, 10, 32).to(memory_format=torch.channels_last).train()
    normalization = Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    kept = contextlib.ExitStack()
    kept.enter_context(freed_memory_kept())
    atexit.register(kept.close)  # holds it for as long as this process lasts
    number_format = choose_format(module, torch.device("cpu"))
    optimizers = Optimizers(module, recipe, steps=1000)
    generator = torch.Generator().manual_seed(0)
    mirrored = torch.rand(len(pixels), generator=generator) < 0.5
    augment: Augment = recipe.augment

    def step() -> None:
        varied = augment(pixels, mirrored=mirrored, generator=generator)
        with number_format.autocast(torch.device("cpu")):
            logits = module(normalize(varied, normalization))
            loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
        loss.backward()
        optimizers.step(0)

    return step


def plain(network: str, batch: int) -> Callable[[], object]:
    pixels, labels = some_pictures(batch)
    module = create(network, 10, 32).train()
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, lr=0.01, momentum=0.9, nesterov=True)
    pictures = pixels.permute(0, 3, 1, 2).contiguous()

    def vary(picture: torch.Tensor) -> torch.Tensor:
        if torch.rand(()) < 0.5:
            picture = plain_functions.horizontal_flip(picture)
        picture = plain_functions.pad(picture, [2, 2, 2, 2], padding_mode="reflect")
        top, left = torch.randint(0, 5, (2,)).tolist()
        picture = plain_functions.crop(picture, top, left, 32, 32)
        return plain_functions.normalize(picture.float() / 255, [0.5] * 3, [0.25] * 3)

    def step() -> None:
        inputs = torch.stack([vary(picture) for picture in pictures])
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels, label_smoothing=0.2).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
