"""Short names of browsers and apps, such as `Firefox (Linux)`, from the header User-Agent.

A session is listed for its user by this name. Versions and models of devices would tell more about people
than they need to recognise it, so they are not stored.
"""

import re

# The first that is found: most browsers name those that they descend from, too.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/|\bOPiOS/|\bOpera\b")),
    ("Vivaldi", re.compile(r"\bVivaldi/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\bFirefox/|\bFxiOS/")),
    ("Chrome", re.compile(r"\bChrome/|\bCriOS/|\bHeadlessChrome/|\bChromium/")),
    ("Safari", re.compile(r"\bVersion/.*\bSafari/")),
)
_SYSTEMS = (
    ("iPad", re.compile(r"\biPad\b")),
    ("iPhone", re.compile(r"\biPhone\b|\biOS\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMacintosh\b|\bmacOS\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)
# RFC 9110 section 10.1.5: the product that matters most comes first. Browsers all call themselves Mozilla.
_PRODUCT = re.compile(r"(?!Mozilla/)([A-Za-z][A-Za-z0-9._-]{0,39})/")
_LONGEST = 1000


def client_name(user_agent: str | None) -> str | None:
    """Return the name of browser or app, and the system in parentheses; None when neither is known."""
    header = (user_agent or "")[:_LONGEST]
    product = _PRODUCT.match(header)
    name = product.group(1) if product else _first(_BROWSERS, header)
    system = _first(_SYSTEMS, header)
    return f"{name} ({system})" if name and system else name or system


def _first(known: tuple[tuple[str, re.Pattern[str]], ...], header: str) -> str | None:
    return next((name for name, pattern in known if pattern.search(header)), None)
