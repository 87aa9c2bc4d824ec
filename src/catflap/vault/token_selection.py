"""Choose the row for a new token of a grant, so that no access is lost.

A new refresh token replaces those whose scopes it covers; the others stay beside it. Google keeps them all
alive: a later consent ends no earlier token of the same client.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from catflap.google.oauth import TokenResponse
from catflap.google.scopes import covered, missing_scopes
from catflap.vault.grant import GrantToken

# More than any app has consents that don't cover each other; Google itself keeps 100 per account.
MAX_TOKENS = 10


@dataclass(frozen=True)
class RowChoice:
    """The row for a new token.

    `target` is the row to write, None for a new row; `removed` are supplementary rows to delete.
    """

    target: GrantToken | None
    removed: tuple[GrantToken, ...]


def choose_row(
    rows: Sequence[GrantToken], kept: Sequence[GrantToken], scopes: frozenset[str], client_id: str
) -> RowChoice:
    """Choose the row for a new refresh token with these scopes.

    Args:
        rows: all rows of the grant, the main row among them.
        kept: those of them that may still be used.
        client_id: the OAuth client of the new token; it replaces none of another client.
    """
    staying = [one for one in kept if one.client_id != client_id or missing_scopes(one.scopes, scopes)]
    while len(staying) >= MAX_TOKENS:
        staying.remove(_least_useful(staying, scopes, client_id))
    free = [one for one in rows if one not in staying]
    main = next((one for one in free if one.supplements is None), None)
    target = main or next(iter(free), None)
    return RowChoice(target, tuple(one for one in free if one is not target and one.supplements is not None))


def covers(token: GrantToken, tokens: TokenResponse) -> bool:
    """Return whether a stored token allows all that a consent granted."""
    return not missing_scopes(tokens.scopes, token.scopes)


def row_for_access_token(alive: Sequence[GrantToken], tokens: TokenResponse) -> GrantToken:
    """Return the token that an access token without a refresh token most likely belongs to.

    It is the narrowest that covers what was granted, else the widest.
    """
    fitting = [one for one in alive if covers(one, tokens)]
    if fitting:
        return min(fitting, key=lambda one: (len(covered(one.scopes)), -one.id))
    return max(alive, key=lambda one: (len(covered(one.scopes)), one.id))


def _least_useful(tokens: Sequence[GrantToken], new: frozenset[str], client_id: str) -> GrantToken:
    """Return a token of another client, else one with redundant scopes, else the least recently used."""

    def use(one: GrantToken) -> tuple[bool, bool, datetime, int]:
        others = new.union(*(other.scopes for other in tokens if other is not one))
        adds = bool(missing_scopes(one.scopes, others))
        return (one.client_id == client_id, adds, one.refreshed_at or one.created_at, one.id)

    return min(tokens, key=use)
