"""`python -m edgecnn`, for where the command is not on the path."""

from edgecnn.cli.main import main

main()
