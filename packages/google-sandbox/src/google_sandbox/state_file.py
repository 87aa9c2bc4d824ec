"""Persistence: the sandbox's state in one JSON file, replaced atomically.

Kept: people, clients, grants, tokens, calendars with their history, Drive files, channels, streams, signing
keys, the clock's offset and the state of the random generator (so that no token is issued twice). Not kept:
codes, faults, the request log.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from google_sandbox.calendar.calendar_store import Entry, Record, SandboxCalendar
from google_sandbox.calendar.channels import Channel
from google_sandbox.calendar.sharing import Rule
from google_sandbox.drive.files import FileChange, StoredFile
from google_sandbox.models import Client, Project, SandboxAccount
from google_sandbox.oauth.grants import AccessToken, Grant, RefreshToken
from google_sandbox.oauth.signing_keys import SigningKeys
from google_sandbox.risc.streams import ServiceAccount, Stream
from google_sandbox.state import SandboxState

FORM = 1
NOT_KEPT = frozenset({"cache", "watchers", "waiting", "sent"})
Row = TypeVar("Row")


def save(state: SandboxState, path: Path) -> None:
    """Write the state to a file that only its owner may read."""
    text = json.dumps(_dump(state), separators=(",", ":"))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def load(state: SandboxState, path: Path) -> None:
    """Fill an empty state from a file; without the file it stays empty.

    Raises:
        ValueError: if the file was not written by this version, or the folder that it would be written to
            does not exist.
    """
    if not path.exists():
        if not path.parent.is_dir():
            raise ValueError(f"there is no folder {path.parent} for the state file")
        return
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["form"] != FORM:
            raise ValueError("it was written by another version")
        _fill(state, kept)
    except KeyError as error:
        raise ValueError(f"{path.name} is not a state file of this sandbox: it has no {error}") from error
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a state file of this sandbox: {error}") from error


def _dump(state: SandboxState) -> dict[str, Any]:
    grants = state.grants
    version, persisted, gauss = state.rng.getstate()
    return {
        "form": FORM,
        "offset": state.offset.total_seconds(),
        "chance": [version, list(persisted), gauss],
        "keys": state.keys.export(),
        "accounts": [_row(account) for account in state.accounts.values()],
        "projects": [_row(project) for project in state.projects.values()],
        "clients": [_row(client) for client in state.clients.values()],
        "grants": [[*key, _row(grant)] for key, grant in grants.given.items()],
        "refresh_tokens": [_row(token) for token in grants.refresh_tokens.values()],
        "access_tokens": [_row(token) for token in grants.access_tokens.values()],
        "calendars": [_row(calendar) for calendar in state.calendar_store.calendars.values()],
        "lists": {
            sub: [_row(entry) for entry in rows.values()] for sub, rows in state.calendar_store.lists.items()
        },
        "list_changes": [state.calendar_store.list_changes, state.calendar_store.list_generation],
        "files": [_row(file) for file in state.drive.by_id.values()],
        "file_changes": [_row(change) for change in state.drive.changes.values()],
        "channels": [_row(channel) for channel in state.channels.all()],
        "streams": {project: _row(stream) for project, stream in state.streams.by_project.items()},
        "managers": [_row(manager) for manager in state.streams.managers.values()],
    }


def _fill(state: SandboxState, kept: Mapping[str, Any]) -> None:
    state.offset = timedelta(seconds=kept["offset"])
    version, persisted, gauss = kept["chance"]
    state.rng.setstate((version, tuple(persisted), gauss))
    state.keys = SigningKeys(kept["keys"])
    for account in _rows(SandboxAccount, kept["accounts"]):
        state.accounts[account.sub] = state.by_email[account.email] = account
    state.projects.update({project.name: project for project in _rows(Project, kept["projects"])})
    state.clients.update({client.client_id: client for client in _rows(Client, kept["clients"])})
    for sub, project, grant in kept["grants"]:
        state.grants.given[sub, project] = _read(Grant, grant)
    for refresh in _rows(RefreshToken, kept["refresh_tokens"]):
        state.grants.restore(refresh)
    for access in _rows(AccessToken, kept["access_tokens"]):
        state.grants.restore_access(access)
    for calendar in _rows(SandboxCalendar, kept["calendars"]):
        state.calendar_store.adopt(calendar)
    lists = {
        sub: {entry.calendar_id: entry for entry in _rows(Entry, rows)} for sub, rows in kept["lists"].items()
    }
    state.calendar_store.restore_lists(lists, state.accounts)
    state.calendar_store.list_changes, state.calendar_store.list_generation = kept["list_changes"]
    state.drive.by_id.update({file.id: file for file in _rows(StoredFile, kept["files"])})
    state.drive.restore_changes(_rows(FileChange, kept.get("file_changes", [])))
    for channel in _rows(Channel, kept["channels"]):
        state.channels.restore(channel)
    state.streams.by_project.update({k: _read(Stream, row) for k, row in kept["streams"].items()})
    state.streams.managers.update({m.email: m for m in _rows(ServiceAccount, kept["managers"])})


def _row(record: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record) if f.name not in NOT_KEPT}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Record | Rule):
        return _row(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _rows(kind: type[Row], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return [
        kind(**{name: value if value is None else readers[name](value) for name, value in row.items()})
        for row in rows
    ]


def _read(kind: type[Row], row: Mapping[str, Any]) -> Row:
    return _rows(kind, [row])[0]


def _reader(hint: Any) -> Callable[[Any], Any]:
    options = {hint, *get_args(hint)}
    if datetime in options:
        return datetime.fromisoformat
    if bytes in options:
        return base64.b64decode
    if get_origin(hint) is set:
        return set
    if get_origin(hint) is frozenset:
        return frozenset
    if hint == dict[str, Record]:
        return lambda rows: dict(zip(rows, _rows(Record, rows.values()), strict=True))
    if hint == dict[str, Rule]:
        return lambda rows: dict(zip(rows, _rows(Rule, rows.values()), strict=True))
    if hint == list[tuple[int, dict[str, Any]]]:
        return lambda pairs: [(number, resource) for number, resource in pairs]
    return lambda value: value
