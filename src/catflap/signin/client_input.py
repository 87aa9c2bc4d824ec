"""Clean and check the one-time codes and ID tokens that clients send.

White space, quotes and percent-encoding are removed: Google's codes contain none of them. For anything else
the error says what the input seems to be and what to send instead, and never repeats it.
"""

import re
from urllib.parse import unquote

from catflap.errors import BadRequest

# Google documents 256 bytes ("Using OAuth 2.0"); what is longer is something else, or not Google's.
MAX_CODE = 512
# The longest input that is recognised as a mistake: ID tokens and URLs are longer than codes.
MAX_SENT = 8192
_CODE = re.compile(rf"[\x21-\x7e]{{1,{MAX_CODE}}}")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*")
_GET_CODE = (
    "Send the one-time code: an app's serverAuthCode, or the code that Google's popup gave to its callback."
)
_MISTAKES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?is)(.*[?&#\s])?(code|state|scope|error)=.*|[a-z][\w+.-]*://.*"),
        "That is an address or a query; send only the value of its parameter code.",
    ),
    (re.compile(r"(?s)[\[{<].*"), "That is a whole document; send only the code in it."),
    (_JWT, "That is an ID token; POST it to /signin/google/credential as credential. " + _GET_CODE),
    (re.compile(r"ya29\..*"), "That is an access token, which gives no lasting access. " + _GET_CODE),
    (re.compile(r"1//.*"), "That is a refresh token, which should not leave where it is kept. " + _GET_CODE),
    (re.compile(r"GOCSPX-.*"), "That is a client secret, which should leave the console for nowhere else."),
    (re.compile(r".*\.apps\.googleusercontent\.com"), "That is a client id. " + _GET_CODE),
    (re.compile(r"(?i)bearer .*|catflap_.*"), "That is a bearer token or a key of Catflap's. " + _GET_CODE),
)


def one_time_code(sent: str) -> str:
    """Return the one-time code in what a client sent.

    Raises:
        BadRequest: `invalid_request`, with what to send instead.
    """
    code = _bare(sent)
    if not code:
        raise BadRequest(
            "invalid_request",
            "The code is empty. An app gets a serverAuthCode only with the web client's id as its server "
            "client id, a page gets the code in the popup's callback.",
        )
    for _ in range(3):
        if "%" not in code or "://" in code:
            break
        code = _bare(unquote(code))
    for pattern, sentence in _MISTAKES:
        if pattern.fullmatch(code, 0, MAX_SENT):
            raise BadRequest("invalid_request", sentence)
    if "%" in code or not _CODE.fullmatch(code):
        raise BadRequest("invalid_request", "That is not a one-time code of Google's. " + _GET_CODE)
    return code


def id_token(sent: str) -> str:
    """Return the ID token in what a client sent; it is not verified here.

    Raises:
        BadRequest: `invalid_request`, with what to send instead.
    """
    token = _bare(sent)
    if not token:
        raise BadRequest("invalid_request", "The credential is empty; send the ID token that Google gave.")
    if token.startswith("4/") or token.lower().startswith("4%2f"):
        raise BadRequest(
            "invalid_request", "That is a one-time code; POST it to /signin/google/code as code."
        )
    if token.startswith("ya29."):
        raise BadRequest("invalid_request", "That is an access token; send the ID token that came with it.")
    return token


def _bare(text: str) -> str:
    """Remove white space, invisible characters and one pair of quotes around `text`."""
    text = text.strip().strip(_INVISIBLE).strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text
