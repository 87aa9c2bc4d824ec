"""A local Google: consent, tokens, Calendar, Drive, push and security events.

It imports nothing of Catflap's own, so that client and server cannot share one misunderstanding.
"""

from catflap.sandbox.people import SandboxAccount
from catflap.sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "SandboxAccount"]
