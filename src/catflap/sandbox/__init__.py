"""A Google you can run on your laptop: consent, tokens, Calendar, Drive, push and security events.

It imports nothing of Catflap's own, so that the two sides cannot share one misunderstanding.
"""

from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "SandboxAccount"]
