"""Networks of timm and torchvision with random weights through export in fp32 and int8: a table a network.

One network a family, the smallest first; `--count` says how many.

python benchmarks/robustness/sweep_networks.py --count 30 --calibrate photos/ --output networks.md
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from commands import edgecnn
from limits import run_cases
from outcomes import Case
from tables import finish, limits_of, markdown, options

__all__ = ["families", "try_network"]

_FAMILY = re.compile(r"^(tf_)?([a-z]+)")
_PHOTOS = Path(__file__).parents[2] / "samples/images"


def families() -> list[str]:
    """One source of each family, fewest parameters first; parameters are counted without making any weight."""
    import timm
    import torch
    import torchvision

    found: dict[str, tuple[int, str]] = {}
    sources = [f"torchvision:{name}" for name in torchvision.models.list_models(module=torchvision.models)]
    sources += [f"timm:{name}" for name in timm.list_models()]
    for source in sources:
        library, _, name = source.partition(":")
        family = f"{library}:{_FAMILY.match(name)[2]}"  # type: ignore[index]
        # Sizes in names order members of a family well enough to build only the few that look small.
        small = re.search(r"nano|tiny|atto|small|mini|pico|femto|_s\b|_xxs|lite|18|b0|_0|11|121|400|x0_5", name)
        if family in found and not small:
            continue
        try:
            with torch.device("meta"):
                module = timm.create_model(name) if library == "timm" else torchvision.models.get_model(name)
        except Exception:  # not every network can be made without weights
            continue
        parameters = sum(weight.numel() for weight in module.parameters())
        if family not in found or parameters < found[family][0]:
            found[family] = (parameters, source)
    return [source for _, source in sorted(found.values())]


def try_network(case: Case) -> str:
    """Export one network in one precision; which precision was shipped, and how far it is off."""
    source, calibrate = case.data
    with tempfile.TemporaryDirectory() as name:
        asked = ["export", source, "--random-weights", "--json", "-o", Path(name) / "model.onnx"]
        if case.stage != "fp32":
            asked += ["--precision", case.stage, "--calibrate", calibrate]
        written = json.loads(edgecnn(*asked).splitlines()[-1])
        edgecnn("verify", Path(name) / "model.onnx", "--device", "cpu")
    error = written["check"]["max_relative_error"]
    return f"{written['precision']}, {written['size_bytes'] / 1e6:.1f} MB, error {error:.1e}"


def main() -> None:
    parser = options(__doc__, count=30, seconds=300)
    parser.add_argument("--calibrate", type=Path, default=_PHOTOS, help="folder of pictures for int8")
    parser.add_argument("--sources", nargs="+", help="networks to try in place of one a family")
    parser.add_argument("--stages", nargs="+", default=["fp32", "auto"], help="precisions")
    arguments = parser.parse_args()
    chosen = (arguments.sources or families())[arguments.first : arguments.first + arguments.count]

    def cases() -> Iterator[Case]:
        for source in chosen:
            for stage in arguments.stages:
                yield Case(source, stage, (source, arguments.calibrate))

    limits = limits_of(arguments)
    reports = list(run_cases(cases(), try_network, limits, workers=arguments.workers))
    rows = [[r.case.name, r.case.stage, r.outcome, f"{r.seconds:.0f}", f"{r.grown_mib:.0f}", r.words] for r in reports]
    print(markdown(["network", "precision", "outcome", "s", "MiB", "words"], rows))
    finish(arguments, reports, title="networks of timm and torchvision")


if __name__ == "__main__":
    main()
