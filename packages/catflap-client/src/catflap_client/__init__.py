"""Call Google APIs for users of a Catflap server: access tokens for httpx2 and for google-auth.

`GoogleAuth` is for httpx2; `catflap_client.google_auth.google_credentials` (extra `google`) is for Google's
own Python clients. Neither ever sees a refresh token, and nothing of the server is needed.
"""

from catflap_client.errors import BadRequest, CatflapError, TryAgain, UserMustAct
from catflap_client.httpx2_auth import GoogleAuth

__all__ = ["BadRequest", "CatflapError", "GoogleAuth", "TryAgain", "UserMustAct"]
