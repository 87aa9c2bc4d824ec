"""Helpers shared by tests of the sandbox, and by tests of other programs against it."""
