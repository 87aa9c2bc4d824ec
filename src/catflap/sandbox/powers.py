"""What tests and people at the control API can do to this Google from outside its rules.

The Python methods of the sandbox and the endpoints under `/sandbox/` both call these, so the two can't
differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from catflap.sandbox.calendar.diary import Diary
from catflap.sandbox.faults import Fault
from catflap.sandbox.oauth.grants import CODE_LIFETIME, Code
from catflap.sandbox.oauth.scopes import in_order, invalid, respell
from catflap.sandbox.people import CLIENT_TYPES, Client, Project, SandboxAccount, stable_sub
from catflap.sandbox.risc.events import send, subject, token_subject
from catflap.sandbox.risc.streams import EVENTS, ServiceAccount
from catflap.sandbox.world import World

KINDS = ("web", "popup", "native")


def account_of(world: World, email: str) -> SandboxAccount:
    """Return the account of an address.

    Raises:
        LookupError: if there is none.
    """
    account = world.account(email)
    if account is None:
        raise LookupError(f"there is no account {email}")
    return account


def diary_of(world: World, email: str, calendar_id: str) -> Diary:
    """Return a calendar of an account.

    Raises:
        LookupError: if there is no such account or calendar.
    """
    found = world.diaries.find(account_of(world, email), calendar_id)
    if found is None:
        raise LookupError(f"{email} has no calendar {calendar_id}")
    return found[0]


def add_client(
    world: World,
    client_id: str,
    client_secret: str,
    redirect_uris: Iterable[str] = (),
    origins: Iterable[str] = (),
    project: str = "demo",
    testing: bool = False,
    testers: Iterable[str] = (),
    client_type: str | None = None,
) -> Client:
    """Register an OAuth client and set the state of its project.

    Raises:
        ValueError: if there is no such client type.
    """
    if client_type is not None and client_type not in CLIENT_TYPES:
        raise ValueError(f"client_type must be one of {', '.join(CLIENT_TYPES)}")
    known = world.projects.setdefault(project, Project(project))
    known.testing = testing
    known.testers = [email.lower() for email in testers]
    client = Client(
        client_id,
        client_secret,
        project,
        list(redirect_uris),
        [origin.rstrip("/") for origin in origins],
        client_type=client_type,
    )
    world.clients[client_id] = client
    return client


def mint_code(
    world: World,
    email: str,
    client_id: str,
    scopes: Iterable[str],
    kind: str = "native",
    redirect_uri: str = "",
    nonce: str | None = None,
    force_refresh_token: bool = False,
) -> str:
    """Consent on a person's behalf and return the one-time code, as a phone's sign-in does.

    Raises:
        LookupError: if there is no such account or client.
        ValueError: if the kind or a scope is unknown.
    """
    account = account_of(world, email)
    client = world.clients.get(client_id)
    if client is None:
        raise LookupError(f"there is no client {client_id}")
    names = list(scopes)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    if bad := invalid(names):
        raise ValueError(f"no such scopes: {', '.join(bad)}")
    grant = world.grants.grant_of(account.sub, client.project)
    allowed = respell(names)
    new = not allowed <= grant.scopes or client_id not in grant.offline_clients
    grant.scopes |= allowed
    code = Code(
        value="",
        sub=account.sub,
        client_id=client_id,
        kind=kind,
        redirect_uri=redirect_uri,
        scopes=allowed,
        expires_at=world.now() + CODE_LIFETIME,
        offline=True,
        with_refresh_token=new or force_refresh_token,
        nonce=nonce,
    )
    if world.on_authorize:
        world.on_authorize(account.email)
    return world.grants.issue_code(code).value


def answer_device(world: World, user_code: str, email: str, allow: bool = True) -> list[str]:
    """Decide about a waiting device on a person's behalf; returns the scopes it was allowed.

    Raises:
        LookupError: if there is no such account, or no device waits with this code.
    """
    account = account_of(world, email)
    device = world.device_codes.typed(user_code)
    client = world.clients.get(device.client_id) if device else None
    if device is None or client is None:
        raise LookupError("no device waits with this code")
    if not allow:
        device.state = "denied"
        return []
    world.grants.grant_of(account.sub, client.project).scopes |= set(device.scopes)
    if world.on_authorize:
        world.on_authorize(account.email)
    device.allow(account.sub, frozenset(device.scopes))
    return list(device.scopes)


def revoke_access(world: World, email: str, project: str | None = None) -> list[str]:
    """Let a person take back what they allowed, at their account page; returns the projects concerned.

    Raises:
        LookupError: if there is no such account.
    """
    account = account_of(world, email)
    if project is None:
        return world.grants.revoke_account(account.sub)
    world.grants.revoke_project(account.sub, project)
    return [project]


def delete_account(world: World, email: str) -> None:
    """Delete an account: its tokens answer `Account has been deleted`.

    Raises:
        LookupError: if there is no such account.
    """
    account = account_of(world, email)
    account.deleted = True
    world.grants.expire_access([account.sub])


def expire(world: World, what: str, email: str | None = None) -> None:
    """Let `access`, `refresh`, `sync` tokens or push `channels` run out now, of one account or of all.

    Raises:
        LookupError: if there is no such account.
        ValueError: if `what` is none of these.
    """
    subs = None if email is None else [account_of(world, email).sub]
    if what == "access":
        world.grants.expire_access(subs)
    elif what == "refresh":
        world.grants.expire_refresh(subs)
    elif what == "sync":
        for diary in world.diaries.calendars.values():
            if subs is None or diary.owner in subs:
                diary.expire_tokens()
        world.diaries.list_generation += 1
    elif what == "channels":
        world.channels.expire(subs)
    else:
        raise ValueError("what can expire: access, refresh, sync, channels")


def move_clock(world: World, seconds: float = 0.0, to: datetime | None = None) -> datetime:
    """Move the sandbox's time by seconds, or to an instant; returns the new time.

    Raises:
        ValueError: if the instant has no offset or the result is out of range.
    """
    if to is not None and to.tzinfo is None:
        raise ValueError("the instant needs an offset")
    try:
        offset = world.offset + timedelta(seconds=seconds)
        if to is not None:
            offset += to - world.now()
        moved = world.now() - world.offset + offset
    except OverflowError:
        raise ValueError("the time is out of range") from None
    if not 1971 <= moved.year <= 2200:
        raise ValueError("the time must be between 1971 and 2200")
    world.offset = offset
    return moved


def fault(world: World, rule: Fault, seconds: float | None = None) -> int:
    """Put a rule in force, for a number of seconds or for good, and return its id.

    Raises:
        ValueError: if the rule makes no sense.
    """
    if seconds is not None:
        if not 0 < seconds <= 10**7:
            raise ValueError("seconds must be positive")
        rule.until = world.now() + timedelta(seconds=seconds)
    return world.faults.add(rule)


def grant(world: World, email: str, client_id: str, scopes: Iterable[str]) -> dict[str, str]:
    """Consent on a person's behalf and exchange the code; returns both tokens and their scope.

    Raises:
        LookupError: if there is no such account or client.
        ValueError: if a scope is unknown.
    """
    value = mint_code(world, email, client_id, scopes, force_refresh_token=True)
    code, client = world.grants.codes.pop(value), world.clients[client_id]
    access, refresh = world.grants.redeem(code, client, world.project_of(client))
    assert refresh is not None
    return {
        "access_token": access.value,
        "refresh_token": refresh.value,
        "scope": in_order(access.scopes),
        "sub": access.sub,
    }


def add_accounts(world: World, count: int, domain: str = "load.example.com") -> list[SandboxAccount]:
    """Make many accounts at once: `user0@…`, `user1@…`, and so on.

    Raises:
        ValueError: if the count is not between 1 and 1,000,000.
    """
    if not 1 <= count <= 1_000_000:
        raise ValueError("count must be between 1 and 1000000")
    return [world.add_account(f"user{number}@{domain}") for number in range(count)]


def add_service_account(world: World, project: str) -> dict[str, str]:
    """Make a service account that may manage a project's event stream; returns its key file."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    address = f"risc-{len(world.streams.managers)}@{project}.iam.gserviceaccount.com"
    world.streams.managers[address] = ServiceAccount(address, project, public.decode())
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": hashlib.sha256(public).hexdigest()[:40],
        "private_key": pem.decode(),
        "client_email": address,
        "client_id": stable_sub(world.seed, address),
        "token_uri": f"{world.base_url}/token",
    }


def send_security_event(
    world: World,
    event: str,
    project: str,
    email: str | None = None,
    refresh_token: str | None = None,
    hashed: bool = False,
    reason: str | None = None,
    state: str | None = None,
) -> str | None:
    """Send a signed security event to a project's stream and return it, None if the stream does not want it.

    Raises:
        LookupError: if there is no such account, or the project has no client.
        ValueError: if the event is unknown or says nothing about whom it concerns.
    """
    if event not in EVENTS and event not in EVENTS.values():
        raise ValueError(f"event must be one of {', '.join(EVENTS)}")
    claims: dict[str, object] = {}
    if refresh_token is not None:
        claims["subject"] = token_subject(refresh_token, hashed)
    elif email is not None:
        claims["subject"] = subject(world, account_of(world, email).sub)
    elif EVENTS.get(event, event) != EVENTS["verification"]:
        raise ValueError("say whom it concerns: email or refresh_token")
    claims |= {name: value for name, value in (("reason", reason), ("state", state)) if value is not None}
    return send(world, project, event, claims)
