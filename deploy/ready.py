"""Exit with 0 if the `catflap serve` of this container answers /readyz with 200: the image's health check.

It imports nothing of Catflap: a process that starts every 30 seconds shall cost little.
"""

import os
import sys
import urllib.request

_TIMEOUT_SECONDS = 8


def main() -> None:
    """Ask once."""
    url = f"http://127.0.0.1:{os.environ.get('CATFLAP_PORT', '8400')}/readyz"
    # Without the proxies of the environment, which are for Google.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS):
            pass
    except OSError as error:
        sys.exit(f"{url}: {error}")


main()
