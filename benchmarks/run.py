"""Run all benchmarks, one after the other, each in a process of its own; EDGECNN_DATA names the folder of data sets.

python benchmarks/run.py                 all of them (about an hour on two cores)
python benchmarks/run.py startup parity  some
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NO_BENCHMARKS = {"run", "measure", "shortest"}


def main() -> None:
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_BENCHMARKS)
    chosen = sys.argv[1:] or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; expected some of {', '.join(known)}.")
    failed = []
    for name in chosen:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
