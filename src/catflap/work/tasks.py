"""The functions of the task types.

All are idempotent: a task only names a user, sound or account to check; the database rows say what to do.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from catflap.announcements.planner import Planner
from catflap.announcements.rendering import Renderer
from catflap.announcements.samples import SampleRenderer
from catflap.calendars import Calendars
from catflap.store.task_types import (
    CALENDAR_CHANGED,
    ERASE,
    PLAN,
    RENDER,
    REVOKE,
    SAMPLE,
    SECURITY_EVENT,
    SYNC,
    SYNC_DUE,
    WEBHOOK,
    AccountKey,
    TaskType,
)
from catflap.vault.calendar_changed import CalendarChangedEvents
from catflap.vault.revocation import Revocation
from catflap.vault.security_events import SecurityEventHandler
from catflap.vault.webhooks import Webhooks
from catflap.work.erasure import Erasure

_K = TypeVar("_K")
TaskFunction = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Tasks:
    """The components that carry out the tasks.

    `calendars` is None if they are disabled; tasks may have been enqueued before that.
    """

    calendars: Calendars | None
    erasure: Erasure
    planner: Planner
    renderer: Renderer
    sample_renderer: SampleRenderer
    webhooks: Webhooks
    calendar_changed: CalendarChangedEvents
    revocation: Revocation
    security_event_handler: SecurityEventHandler

    def by_name(self) -> dict[str, TaskFunction]:
        """Return the function of each task type of this version, by its name in the queue."""
        return dict(
            (
                _entry(SYNC, self.sync),
                _entry(SYNC_DUE, self.sync_due),
                _entry(ERASE, self.erasure.erase),
                _entry(PLAN, self.planner.plan_user),
                _entry(RENDER, self.renderer.render),
                _entry(SAMPLE, self.sample_renderer.render),
                _entry(WEBHOOK, self.deliver_webhook),
                _entry(CALENDAR_CHANGED, self.calendar_changed.deliver),
                _entry(REVOKE, self.revocation.finish),
                _entry(SECURITY_EVENT, self.security_event_handler.handle),
            )
        )

    async def deliver_webhook(self, delivery_id: str) -> None:
        """Attempt a delivery; maintenance repeats it after a failure."""
        await self.webhooks.deliver(delivery_id)

    async def sync(self, account: AccountKey) -> None:
        """Sync all calendars of one account."""
        if self.calendars is not None:
            await self.calendars.run_sync(account)

    async def sync_due(self, account: AccountKey) -> None:
        """Sync the calendars of one account that are due."""
        if self.calendars is not None:
            await self.calendars.run_sync(account, only_due=True)


def _entry(task: TaskType[_K], function: Callable[[_K], Awaitable[None]]) -> tuple[str, TaskFunction]:
    return task.name, lambda text: function(task.from_text(text))
