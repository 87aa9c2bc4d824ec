"""One yes to Google becomes a signed-in session and a lasting grant."""

from catflap.signin.flow import Begun, SignedIn, SignIn
from catflap.signin.sessions import Session, Sessions
from catflap.signin.users import Account, Users

__all__ = ["Account", "Begun", "Session", "Sessions", "SignIn", "SignedIn", "Users"]
