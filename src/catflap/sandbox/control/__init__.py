"""The control API under `/sandbox/`: what only a sandbox lets you do, over HTTP."""
