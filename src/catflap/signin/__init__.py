"""One yes to Google becomes a signed-in session and a lasting grant."""

from catflap.signin.admission import Admission
from catflap.signin.flow import Answer, Begun, Popup, SignIn
from catflap.signin.reception import Received
from catflap.signin.request import ConsentNeeded, ConsentRequest, Purpose
from catflap.signin.sessions import Session, Sessions
from catflap.signin.users import Account, Users

__all__ = [
    "Account",
    "Admission",
    "Answer",
    "Begun",
    "ConsentNeeded",
    "ConsentRequest",
    "Popup",
    "Purpose",
    "Received",
    "Session",
    "Sessions",
    "SignIn",
    "Users",
]
