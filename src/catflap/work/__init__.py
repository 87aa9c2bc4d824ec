"""Background work: jobs that look again at something, and the clockwork that asks them to."""

from catflap.work.worker import Worker

__all__ = ["Worker"]
