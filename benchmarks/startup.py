"""Start to answer: `edgecnn classify picture.jpg` against the shortest script that does the same.

python benchmarks/startup.py            (no data needed; needs a machine that is otherwise quiet)
"""

import statistics
import sys
from pathlib import Path

from measure import DEFAULT_MODEL, ROOT, ProcessTimes, commands_in_turn, machine

ROUNDS = 20


def main() -> None:
    picture = str(ROOT / "samples/images/school_bus.jpg")
    edgecnn = str(Path(sys.executable).parent / "edgecnn")
    shortest = str(Path(__file__).parent / "shortest.py")
    commands = {
        "edgecnn classify": [edgecnn, "classify", picture],
        "shortest script": [sys.executable, shortest, str(DEFAULT_MODEL), picture],
    }
    times = commands_in_turn(commands, rounds=ROUNDS)
    print(machine())
    for name, runs in times.items():
        print(f"{name:18} wall {_median(runs, 'wall_s'):.3f} s, cpu {_median(runs, 'cpu_s'):.3f} s, "
              f"peak {_median(runs, 'peak_mib'):.1f} MiB (median of {len(runs)})")  # fmt: skip
    own, peer = times.values()
    for field in ("wall_s", "cpu_s", "peak_mib"):
        pairs = [getattr(a, field) / getattr(b, field) for a, b in zip(own, peer, strict=True)]
        print(f"ratio {field:9} {statistics.median(pairs):.2f}")


def _median(runs: list[ProcessTimes], field: str) -> float:
    return statistics.median(getattr(run, field) for run in runs)


if __name__ == "__main__":
    main()
