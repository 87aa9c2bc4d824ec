"""Path prefixes under which an application includes our routers; links and redirects are built from them."""

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
