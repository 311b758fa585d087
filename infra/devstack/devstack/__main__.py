"""`python -m devstack` is `cogep`."""

from devstack.cli import main

main()
