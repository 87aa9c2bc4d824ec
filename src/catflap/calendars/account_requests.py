"""Send requests to the Calendar API with the tokens of one account."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from catflap.calendars.budget_windows import Priority
from catflap.calendars.request_budget import RequestBudget
from catflap.errors import CatflapError
from catflap.google.calendar import AccessRefused
from catflap.google.scopes import missing_scopes
from catflap.store.unavailable import DatabaseUnavailable
from catflap.vault import AccessToken

_T = TypeVar("_T")
GetToken = Callable[[int, str, str], Awaitable[AccessToken]]
ReplaceToken = Callable[[int, str, str, str], Awaitable[AccessToken]]


class NoToken(Exception):
    """There is no token that Google accepts, so nothing of the account can be read."""

    def __init__(self, error: CatflapError) -> None:
        super().__init__(error.code)
        self.error = error


class AccountRequests:
    """Send requests with the tokens of one account; retry once with a new token after a 401.

    A token is asked for once and then used for every request whose scope it has.

    Args:
        user_id: The user.
        account_sub: The Google account.
        access: `(user_id, account_sub, scope)` → an access token, with that scope if there is one.
        refused: `(user_id, account_sub, scope, token)` → a new token for one that Google rejected.
        budget: Gives the permit of each request.
    """

    def __init__(
        self,
        user_id: int,
        account_sub: str,
        access: GetToken,
        refused: ReplaceToken,
        budget: RequestBudget,
    ) -> None:
        self.user_id = user_id
        self.sub = account_sub
        self._access = access
        self._refused = refused
        self._budget = budget
        self._held: AccessToken | None = None

    async def call(self, request: Callable[[str], Awaitable[_T]], scope: str, priority: Priority) -> _T:
        """Return the response to a request that needs this scope.

        Raises:
            BudgetUsed: there is no permit for a request of this priority.
            NoToken: there is no token, or a new one was rejected too.
            CatflapError: for any other error response.
        """
        token = self.held_token([scope])
        token = token or await self._hold(self._access(self.user_id, self.sub, scope))
        await self._budget.acquire(self.user_id, priority)
        try:
            return await request(token)
        except AccessRefused:
            token = await self._hold(self._refused(self.user_id, self.sub, scope, token))
        await self._budget.acquire(self.user_id, priority)
        try:
            return await request(token)
        except AccessRefused as error:
            raise NoToken(error) from None

    def held_token(self, scopes: Collection[str]) -> str | None:
        """Return the token that was last asked for, if it has these scopes."""
        held = self._held
        return None if held is None or missing_scopes(scopes, held.scopes) else held.token

    async def _hold(self, pending: Awaitable[AccessToken]) -> str:
        try:
            self._held = await pending
        except DatabaseUnavailable:
            raise
        except CatflapError as error:
            raise NoToken(error) from None
        return self._held.token
