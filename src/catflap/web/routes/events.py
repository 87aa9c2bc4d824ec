"""Insert, change and delete events: routes of the signed-in user, and of other back ends by API key.

Titles, places and descriptions are in bodies only, and in no log, audit entry or error.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypedDict
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response

from catflap.calendars import Event
from catflap.calendars.event_writing import ANY_EVENT_ID, CALENDAR, ETAG
from catflap.errors import CatflapError
from catflap.google.calendar_writing import SendUpdates
from catflap.google.scopes import WRITE_EVENTS
from catflap.vault.api_keys import ApiKey
from catflap.web.api_key_auth import EventsKey
from catflap.web.authentication import CurrentSession, ServicesDep, single_parameters
from catflap.web.consent_offer import consent_wanted, whose
from catflap.web.input_types import AccountSub, PathId, Text
from catflap.web.problem_route import new_router
from catflap.web.problems import problem_of
from catflap.web.schemas.base import json_response
from catflap.web.schemas.events import EventBody, EventChanges, EventResource
from catflap.web.schemas.problems import API_KEY, SESSION, WRITING, problems
from catflap.web.services import Services

_ONCE = [Depends(single_parameters)]
router = new_router("/v1/calendars/{calendar}/events", tag="events", dependencies=_ONCE)
key_router = new_router("/v1/users/{user_id}/calendars/{calendar}/events", tag="events", dependencies=_ONCE)

_CalendarId = Annotated[
    Text,
    Path(
        pattern=CALENDAR,
        description="`primary`, an `id` of `GET /v1/calendars`, or Google's own id of a calendar.",
        examples=["primary"],
    ),
]
_AnyEventId = Annotated[
    Text,
    Path(
        pattern=ANY_EVENT_ID,
        description="Google's id of an event, or of an instance of a series.",
        examples=["3f2504e04f8941d39a0c0305e82c3301"],
    ),
]
_IfMatch = Annotated[
    Text | None, Header(alias="If-Match", pattern=ETAG, description="Only if it has this ETag.")
]
_SendUpdates = Annotated[SendUpdates, Query(description="Which attendees Google sends an email.")]
_AGAIN = "The event, as it is now; an earlier request with this id and content inserted it."
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For `If-Match`."}}
# The errors that a consent ends.
_CONSENT_ENDS = frozenset({"not_found", "reconsent_required", "scope_missing"})


class CalendarParameters(TypedDict):
    """Where to write, and whom Google tells; the names are those of `EventWriter`."""

    calendar: str
    account: str | None
    send_updates: SendUpdates


class EventParameters(CalendarParameters):
    """The same for one event."""

    event_id: str
    etag: str | None


async def _calendar_parameters(
    calendar: _CalendarId, account: AccountSub = None, send_updates: _SendUpdates = "none"
) -> CalendarParameters:
    return {"calendar": calendar, "account": account, "send_updates": send_updates}


async def _event_parameters(
    calendar: _CalendarId,
    event_id: _AnyEventId,
    account: AccountSub = None,
    send_updates: _SendUpdates = "none",
    etag: _IfMatch = None,
) -> EventParameters:
    at = await _calendar_parameters(calendar, account, send_updates)
    return {**at, "event_id": event_id, "etag": etag}


@dataclass(frozen=True)
class Caller:
    """The user whose events are written, and the API key that does so; None in a session of the user."""

    services: Services
    user_id: int
    key: ApiKey | None = None

    async def answer(self, action: str, writing: Awaitable[Event | None], at: CalendarParameters) -> Response:
        """Return the response for a write; that of an API key is noted in the audit log.

        Args:
            action: what is noted, with the event's id.
            writing: the write.
            at: its parameters.
        """
        try:
            event = await writing
        except CatflapError as error:
            self._note(action, error.code, at)
            if error.code in _CONSENT_ENDS:
                return await self._consent_wanted(error, at)
            raise
        self._note(action, "ok", at)
        if event is None:
            return Response(status_code=204)
        return json_response(EventResource.of(event), 201 if event.is_new else 200, {"ETag": event.etag})

    def _note(self, action: str, outcome: str, at: CalendarParameters) -> None:
        if self.key is not None:
            self.services.audit.note(
                "events",
                outcome,
                key_id=self.key.id,
                user_id=self.user_id,
                account_sub=at["account"],
                detail=action,
            )

    async def _consent_wanted(self, error: CatflapError, at: CalendarParameters) -> Response:
        account = await self.services.events.account_of(self.user_id, at["calendar"], at["account"])
        if self.key is not None:
            return await consent_wanted(self.services, error, self.key, self.user_id, account, WRITE_EVENTS)
        grant = await self.services.grants.find(self.user_id, account)
        # Where nothing is known of an account, the purpose depends on whether the user has one.
        asks = whose(grant, account) if grant or account else {}
        wanted = {"scopes": " ".join(WRITE_EVENTS), **asks}
        return problem_of(error, consent_url=f"{self.services.paths.auth}/signin/google?{urlencode(wanted)}")


async def _in_session(session: CurrentSession, services: ServicesDep) -> Caller:
    return Caller(services, session.user_id)


async def _by_key(user_id: PathId, key: EventsKey, services: ServicesDep) -> Caller:
    key.check_scopes(WRITE_EVENTS)
    return Caller(services, user_id, key)


def _declare_operations(
    router: APIRouter, whose: str, calling: Callable[..., Awaitable[Caller]], errors: tuple[str, ...]
) -> None:
    """Add the routes for callers that `calling` finds, and that may get its `errors`."""

    @router.post(
        "",
        status_code=201,
        operation_id=f"insert{whose}Event",
        summary="Insert an event",
        response_model=EventResource,
        response_description="The event that was inserted.",
        responses={
            200: {"model": EventResource, "headers": _ETAG, "description": _AGAIN},
            201: {"headers": _ETAG},
            **problems(*errors, *WRITING, "event_deleted", "event_exists", "zone_unknown"),
        },
    )
    async def insert(
        body: EventBody,
        caller: Caller = Depends(calling),
        at: CalendarParameters = Depends(_calendar_parameters),
    ) -> Response:
        """Insert an event with an id of your choice, which makes it safe to repeat the request.

        It needs the scope `calendar.events`. Without it the answer is 403 `scope_missing` with the consent to
        open: `consent_url` in a session, `consent` with an API key. The id of a deleted event can't be used
        again.
        """
        fields = body.fields()
        writing = caller.services.events.insert(caller.user_id, body.id, fields, **at)
        return await caller.answer(f"insert {body.id}", writing, at)

    @router.patch(
        "/{event_id}",
        operation_id=f"change{whose}Event",
        summary="Change an event",
        response_model=EventResource,
        response_description="The event as it is now.",
        responses={
            200: {"headers": _ETAG},
            **problems(*errors, *WRITING, "etag_mismatch", "event_deleted", "zone_unknown"),
        },
    )
    async def change(
        body: EventChanges,
        caller: Caller = Depends(calling),
        at: EventParameters = Depends(_event_parameters),
    ) -> Response:
        """Change the members that are sent; null removes one. Of a series all change, of an instance one."""
        writing = caller.services.events.change(caller.user_id, fields=body.fields(), **at)
        return await caller.answer(f"change {at['event_id']}", writing, at)

    @router.delete(
        "/{event_id}",
        status_code=204,
        operation_id=f"delete{whose}Event",
        summary="Delete an event",
        response_description="It is deleted, by this request or before.",
        responses=problems(*errors, *WRITING, "etag_mismatch"),
    )
    async def delete(
        caller: Caller = Depends(calling), at: EventParameters = Depends(_event_parameters)
    ) -> Response:
        """Delete an event, a whole series, or one instance; an event that is not there is deleted already."""
        writing = caller.services.events.delete(caller.user_id, **at)
        return await caller.answer(f"delete {at['event_id']}", writing, at)


_declare_operations(router, "", _in_session, SESSION)
_declare_operations(key_router, "User", _by_key, API_KEY)
