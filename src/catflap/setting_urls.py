"""Check addresses in settings."""

import ipaddress
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Names that only a local network resolves (RFC 6762, RFC 8375, and `.internal` and `.lan` of routers).
_LOCAL = (".local", ".home.arpa", ".internal", ".lan")


def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is a loopback address."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> str:
    """Return `url` as an origin (RFC 6454 section 6.2): lower case, no default port, no path.

    Raises:
        ValueError: it is not an origin; the message says why.
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname or any(c.isspace() or c in "\\*" for c in url):
        raise ValueError(f"{_shown(url)} must be scheme://host or scheme://host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or a password")
    if "?" in url or "#" in url:
        raise ValueError("must not hold a query or a fragment")
    if parts.path.strip("/"):
        raise ValueError(
            f"must be an address without a path (it has {parts.path}): Catflap answers at the root of a host "
            "name of its own, such as https://catflap.example.com"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else _ascii(parts.hostname)
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("must name a host") from None


def _shown(url: str) -> str:
    return repr(url) if url.isprintable() and "@" not in url else "it"


def _is_private(url: str) -> bool:
    """Return whether the host is a private address, or a name without a dot (a container's)."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return bool(host) and "." not in host


def is_local(url: str) -> bool:
    """Return whether the host is a private address, or a name that only a local network resolves."""
    return _is_private(url) or (urlsplit(url).hostname or "").endswith(_LOCAL)


def checked_url(url: str, *, private: bool = False, local: bool = False) -> str:
    """Return `url`, which must be https, or http to a loopback address.

    Args:
        private: whether http to a private network will do too.
        local: the same, and names that only a local network resolves, such as `catflap.local`.

    Raises:
        ValueError: with what is wrong.
    """
    parts = urlsplit(url)
    plain = is_loopback(url) or (private and _is_private(url)) or (local and is_local(url))
    if parts.scheme != "https" and not (parts.scheme == "http" and plain):
        whose = "private addresses" if private or local else "this machine's own addresses"
        raise ValueError(f"must be https (plain http is for {whose} only)")
    if not parts.hostname or "@" in parts.netloc or any(c.isspace() for c in url):
        raise ValueError("must name a host, and hold neither a user name, a password nor white space")
    # Reading the port checks that it is one.
    _ = parts.port
    return url
