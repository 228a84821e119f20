"""Pictures a second of edgecnn's training step against the same network and recipe written plainly in PyTorch fp32.

    python benchmarks/train_throughput.py [--network edge_cnn_small] [--batch 500] [--rounds 7]

Plain means: float32 pictures in the default layout, mirrored and moved one by one with torchvision's functions,
Nesterov SGD.
Both take the same pictures (random ones; speed does not depend on what they show). Steps alternate; medians.
"""

import argparse
import json
import statistics
import time

import torch
import torchvision.transforms.v2.functional as plain_functions
from torch import nn

from edgecnn.data.augment import Augment
from edgecnn.training.batches import Normalise
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.outcome import run_versions
from edgecnn.training.probe import choose_speed
from edgecnn.training.recipe import default_recipe
from edgecnn.zoo.small import create


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="edge_cnn_small")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (arguments.batch, 32, 32, 3), dtype=torch.uint8)
    labels = torch.randint(0, 10, (arguments.batch,))
    steps = {"edgecnn": ours(arguments.network, pixels, labels), "plain": plain(arguments.network, pixels, labels)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    processor: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(arguments.rounds + 1):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            if number:  # the first round sets things up
                times[name].append(time.perf_counter() - wall)
                processor[name].append(time.process_time() - cpu)
    result = {
        "network": arguments.network,
        "batch": arguments.batch,
        "rounds": arguments.rounds,
        "threads": torch.get_num_threads(),
        **run_versions(),
    }
    for name, values in times.items():
        result[f"{name}_pictures_a_second"] = round(arguments.batch / statistics.median(values), 1)
        result[f"{name}_cpu_ms_a_picture"] = round(statistics.median(processor[name]) / arguments.batch * 1e3, 3)
    result["ratio_wall"] = round(statistics.median(times["plain"]) / statistics.median(times["edgecnn"]), 2)
    result["ratio_cpu"] = round(statistics.median(processor["plain"]) / statistics.median(processor["edgecnn"]), 2)
    print(json.dumps(result, indent=2))


def ours(network: str, pixels: torch.Tensor, labels: torch.Tensor):
    recipe = default_recipe("cifar10", network, size=32, pictures=50_000, batch=len(pixels))
    module = create(network, 10, 32).to(memory_format=torch.channels_last).train()
    normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    speed = choose_speed(module, normalise(pixels), labels)
    optimizers = Optimizers(module, recipe, steps=1000)
    generator = torch.Generator().manual_seed(0)
    mirrored = torch.rand(len(pixels), generator=generator) < 0.5
    augment: Augment = recipe.augment

    def step() -> None:
        varied = augment(pixels, mirrored=mirrored, generator=generator)
        with speed.context(torch.device("cpu")):
            logits = module(normalise(varied))
            loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
        loss.backward()
        optimizers.step(0)

    return step


def plain(network: str, pixels: torch.Tensor, labels: torch.Tensor):
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
