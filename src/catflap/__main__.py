"""`python -m catflap`, the same as the command `catflap`."""

from catflap.cli import main

main()
