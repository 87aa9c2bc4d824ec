"""Exchange a one-time code for tokens and a verified profile, without storing anything.

GOOGLE_CLIENT_ID=… GOOGLE_CLIENT_SECRET=… python examples/exchange_code.py 4/0A…
"""

import asyncio
import os
import sys

import catflap


async def main(code: str) -> None:
    """Exchange a `serverAuthCode`; for codes of a popup add redirect_uri="postmessage"."""
    exchanged = await catflap.exchange_code(
        code,
        client_id=os.environ["GOOGLE_CLIENT_ID"],
        client_secret=os.environ["GOOGLE_CLIENT_SECRET"],
        discovery_url=os.environ.get("CATFLAP_GOOGLE_DISCOVERY_URL", catflap.GOOGLE_DISCOVERY_URL),
    )
    print(exchanged.profile.email, sorted(exchanged.scopes), exchanged.expires_at.isoformat())
    print("keep this one:", "a refresh token" if exchanged.refresh_token else "the one you have")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
