"""Steps of the redirect flow, and what a sign-in leaves in the database."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from tests.support.app_client import Browser

BEGIN = "/signin/google?scopes=calendar"
NOTHING = {"app.users": 0, "app.accounts": 0, "app.sessions": 0, "vault.google_tokens": 0}


ONE_OF_EACH = dict.fromkeys(NOTHING, 1)


def error_of(answer: httpx2.Response) -> str | None:
    """The error that the page is told about."""
    return parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("error", [None])[0]


async def back_from_google(browser: Browser, path: str = BEGIN, **at_google: object) -> str:
    """Go to Google and through its pages; the address that Google sends the browser back to."""
    begun = await browser.begin(path)
    return await browser.at_google(begun.headers["Location"], **at_google)  # type: ignore[arg-type]


def changed(url: str, **parameters: str | None) -> str:
    """`url` with other parameters; None takes one away."""
    services = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(services.query).items()} | parameters
    return services._replace(query=urlencode({k: v for k, v in query.items() if v is not None})).geturl()
