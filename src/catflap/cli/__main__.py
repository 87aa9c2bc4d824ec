"""`python -m catflap.cli`."""

from catflap.cli import main

main()
