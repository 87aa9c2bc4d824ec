"""Sign-in with Google: authorization requests, code exchange, users, accounts and sessions."""

from catflap.google.authorization_response import AuthorizationResponse
from catflap.signin.allowlist import SignInPolicy
from catflap.signin.consent_request import ConsentNeeded, ConsentRequest, Purpose
from catflap.signin.flow import AuthorizationRedirect, Popup, SignIn
from catflap.signin.linking import Completion, SignInResult
from catflap.signin.sessions import NewSession, Session, Sessions
from catflap.signin.users import Account, Users

__all__ = [
    "Account",
    "AuthorizationRedirect",
    "AuthorizationResponse",
    "Completion",
    "ConsentNeeded",
    "ConsentRequest",
    "NewSession",
    "Popup",
    "Purpose",
    "Session",
    "Sessions",
    "SignIn",
    "SignInPolicy",
    "SignInResult",
    "Users",
]
