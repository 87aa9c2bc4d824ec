"""`catflap demo` and the environment that it runs in."""
