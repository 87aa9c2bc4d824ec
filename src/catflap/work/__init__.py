"""Background work: the queue worker, the functions of its tasks, and periodic tasks."""

from catflap.work.worker import Worker

__all__ = ["Worker"]
