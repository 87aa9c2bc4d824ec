"""A sandbox with a state file remembers; one without forgets."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import EVENTS, WHO, timed
from sandbox_support.person import CALENDARS, CLIENT, G, Person, populate


async def test_tokens_events_sync_tokens_keys_and_time_survive_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "google.json", Clock()
    first = Sandbox(clock=clock, seed=7, state_file=path)
    populate(first)
    tokens = first.grant(WHO, CLIENT, ["openid", CALENDARS, G + "drive.appdata"])
    header = {"authorization": f"Bearer {tokens['access_token']}"}
    event = first.insert_event(WHO, timed(recurrence=["RRULE:FREQ=DAILY;COUNT=3"]))
    first.advance_clock(60)
    async with first.serve() as base, httpx2.AsyncClient(base_url=base, headers=header) as http:
        sync = (await http.get(EVENTS)).json()["nextSyncToken"]
        first.change_event(WHO, event["id"], {"summary": "Milk"})
        file = {"name": "f", "parents": ["appDataFolder"]}
        await http.post("/drive/v3/files", json=file)
        changes = (await http.get("/drive/v3/changes/startPageToken")).json()["startPageToken"]
        keys = (await http.get("/oauth2/v3/certs")).json()
    assert path.stat().st_mode & 0o777 == 0o600

    second = Sandbox(clock=clock, seed=7, state_file=path)
    assert second.now() == first.now()
    async with second.serve() as base, httpx2.AsyncClient(base_url=base, headers=header) as http:
        assert (await http.get("/oauth2/v3/certs")).json() == keys
        (changed,) = (await http.get(EVENTS, params={"syncToken": sync})).json()["items"]
        assert changed["summary"] == "Milk"
        assert (
            len((await http.get("/drive/v3/files", params={"spaces": "appDataFolder"})).json()["files"]) == 1
        )
        again = (await http.get("/drive/v3/changes/startPageToken")).json()["startPageToken"]
        assert again == changes == "2"
        assert (await Person(http).refresh(tokens["refresh_token"])).status_code == 200
        second.insert_event(WHO, timed())
        again = second.grant(WHO, CLIENT, [CALENDARS])
        assert again["refresh_token"] != tokens["refresh_token"], "chance goes on where it was"


def test_a_file_of_another_kind_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "google.json"
    for text in ("hello", "{}", "[]", '{"form": 99}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"google\.json is not a state file"):
            Sandbox(state_file=path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"form": 2}', "written by another version"),
        ("{}", "it has no 'form'"),
        ('{"form": 1}', "it has no 'offset'"),
        ('{"form": 1, "offset": 1e400}', "is not a state file"),
        ("[" * 100_000, "is not a state file"),
    ],
)
def test_a_file_of_another_version_or_a_broken_one_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "google.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        Sandbox(state_file=tmp_path / "google.json")


def test_a_state_file_in_a_folder_that_does_not_exist_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        Sandbox(state_file=tmp_path / "none" / "google.json")


async def test_a_taken_port_is_an_os_error_before_anything_else(sandbox: Sandbox) -> None:
    async with sandbox.serve() as base:
        with pytest.raises(OSError):
            async with Sandbox().serve(port=int(base.rpartition(":")[2])):
                pass
