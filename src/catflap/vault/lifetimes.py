"""How long Google's tokens live, how early they are refreshed, and when a grant is about to end."""

from datetime import timedelta
from typing import Final

# Access tokens: what a caller gets unless it asks for another lifetime; the least that is worth handing out
# while no new one can be had; and how long before the end maintenance refreshes those in use.
MIN_TTL: Final = timedelta(minutes=5)
MIN_USABLE_TTL: Final = timedelta(seconds=30)
REFRESH_AHEAD: Final = timedelta(minutes=10)
# Tokens that were issued together must not be renewed together for ever: each waits its part of this.
REFRESH_SPREAD: Final = timedelta(minutes=4)
# A token counts as in use this long after it was handed out.
IN_USE: Final = timedelta(hours=2)

# Refresh tokens: Google ends one that nobody uses for six months ("Using OAuth 2.0"); less a month to act.
UNUSED: Final = timedelta(days=150)
# How long before the end of a token of limited life (7 days in Testing mode) a warning is due.
ENDS_SOON: Final = timedelta(days=2)
# How long a grant that ended, and a webhook delivery that is done, are kept.
ENDED_KEPT: Final = timedelta(days=30)
