"""What each task does. A task only says "look again": the rows are the truth, so twice is no harm."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from catflap.announcements.planner import Planner
from catflap.announcements.rendering import Renderer
from catflap.calendars import Calendars
from catflap.errors import OperatorMustAct
from catflap.store.task_types import PLAN, RENDER, REVOKE, SECURITY_EVENT, SYNC, WEBHOOK, AccountKey, TaskType
from catflap.vault.revocation import Revocation
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Webhooks

_K = TypeVar("_K")
Job = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Jobs:
    """The components that carry out the tasks; `calendars` is None where calendars are switched off."""

    calendars: Calendars | None
    planner: Planner
    renderer: Renderer
    webhooks: Webhooks
    revocation: Revocation
    security_event_handler: SecurityEventHandler

    def by_name(self) -> dict[str, Job]:
        """Return the function of each task type of this version, by its name in the queue."""
        return dict(
            (
                _job(SYNC, self.sync),
                _job(PLAN, self.planner.plan_user),
                _job(RENDER, self.renderer.render),
                _job(WEBHOOK, self.webhooks.deliver),
                _job(REVOKE, self.revocation.finish),
                _job(SECURITY_EVENT, self.security_event_handler.handle),
            )
        )

    async def sync(self, account: AccountKey) -> None:
        """Read the calendars of one account."""
        if self.calendars is None:
            # Enqueued before calendars were switched off.
            return
        # What only the operator can mend is the same for every account, and `Calendars` logs it once.
        with contextlib.suppress(OperatorMustAct):
            await self.calendars.sync_account(account.user_id, account.account_sub)


def _job(task: TaskType[_K], do: Callable[[_K], Awaitable[None]]) -> tuple[str, Job]:
    return task.name, lambda text: do(task.from_text(text))
