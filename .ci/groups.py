"""Print the requirements of dependency groups in pyproject.toml, for versions of pip that cannot read them."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
print("\n".join(line for group in sys.argv[1:] for line in project["dependency-groups"][group]))
