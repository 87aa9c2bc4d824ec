"""The redirect after a sign-in stays on this site, for every spelling of the path."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catflap.signin.consent_request import ConsentRequest, forced, local_path

HERE = "https://catflap.example.com"
_PIECES = [
    "/",
    "\\",
    "//",
    ".",
    ":",
    "@",
    "?",
    "#",
    "%2f",
    "a",
    "\t",
    "\n",
    "\r",
    " ",
    "\u3000",
    "https:",
    "é",
]
_TRICKS = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@given(_TRICKS)
def test_whatever_is_asked_for_stays_on_this_site(path: str) -> None:
    # Browsers take a backslash for a slash and leave out tabs and line ends (WHATWG URL standard).
    seen = local_path(path).replace("\\", "/").translate(str.maketrans("", "", "\t\r\n"))
    assert urlsplit(urljoin(HERE, seen)).netloc == urlsplit(HERE).netloc
    assert not seen.startswith("//")


@pytest.mark.parametrize("path", ["/", "/day", "/day?of=11-24#now", "/%2F%2Fevil.example", "/a//b"])
def test_an_address_of_this_site_is_left_as_it_is(path: str) -> None:
    assert local_path(path) == path


def test_forcing_a_consent_changes_nothing_else() -> None:
    asked = ConsentRequest("link", frozenset({"openid"}), 7, "sub", "/next", 3)
    assert forced(asked) == ConsentRequest("link", frozenset({"openid"}), 7, "sub", "/next", 3, forced=True)
