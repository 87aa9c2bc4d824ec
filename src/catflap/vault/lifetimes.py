"""Lifetimes of Google's tokens: refresh margins, retention and expiry warnings."""

from datetime import timedelta
from typing import Final

from catflap.google.risc import MAX_AGE

# Access tokens: the default of `min_ttl`; the least that is returned while Google is unavailable; and how
# long before expiry maintenance refreshes those in use.
MIN_TTL: Final = timedelta(minutes=5)
MIN_USABLE_TTL: Final = timedelta(seconds=30)
REFRESH_AHEAD: Final = timedelta(minutes=10)
# Spreads the refreshes of tokens that were issued at the same time.
REFRESH_SPREAD: Final = timedelta(minutes=4)
# A token counts as in use this long after it was last returned to a caller.
IN_USE: Final = timedelta(hours=2)

# Refresh tokens: Google revokes one that is unused for six months ("Using OAuth 2.0"); a month less, to act.
UNUSED: Final = timedelta(days=150)
# How long before the expiry of a refresh token (7 days in Testing mode) a warning is logged.
ENDS_SOON: Final = timedelta(days=2)
# Retention of grants that have ended and of webhook deliveries that are done.
ENDED_KEPT: Final = timedelta(days=30)
# Retention of handled security events, whose `iat` may have been ahead by MAX_AGE: afterwards it is too old.
SECURITY_EVENTS_KEPT: Final = 2 * MAX_AGE
# Retention of the audit log.
AUDIT_KEPT: Final = timedelta(days=180)
# Deliveries about calendars are many. Long enough that a job which runs again inserts none a second time.
CALENDAR_DELIVERIES_KEPT: Final = timedelta(hours=1)
