"""Path prefixes under which an application includes our routers; links and redirects are built from them."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Paths:
    """The prefix of each router, as browsers see it: empty, or beginning with a slash and not ending in one.

    Args:
        home: path of the page that a browser is sent to when nothing else was asked for, and with `?error=`.
    """

    auth: str = ""
    token: str = ""
    me: str = ""
    mia: str = ""
    home: str = "/"

    def home_with(self, query: str) -> str:
        """Return `home` with `query` appended."""
        return f"{self.home}{'&' if '?' in self.home else '?'}{query}"

    def began_with(self, began: str, query: str) -> str:
        """Return our screen of accounts if a consent was begun there, else `home`; with `query` appended.

        Args:
            began: where the browser was to go after the consent.
        """
        if not re.fullmatch(rf"{re.escape(self.mia)}/google(\?lang=[a-z]+)?", began):
            return self.home_with(query)
        return f"{began}{'&' if '?' in began else '?'}{query}"
