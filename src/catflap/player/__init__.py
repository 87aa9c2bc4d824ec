"""This machine as a device: it follows its schedule over the HTTP API, and plays it on its own speaker."""
