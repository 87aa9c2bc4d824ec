"""People API: a person's own profile."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from google_sandbox import Sandbox
from sandbox_support.person import CALENDARS, CLIENT, SIGN_IN, G, Person

ME = "/v1/people/me"
MASK = {"personFields": "names,emailAddresses,photos,metadata,birthdays"}


def bearer(sandbox: Sandbox, *scopes: str) -> dict[str, str]:
    return {"authorization": "Bearer " + sandbox.grant("mia@example.com", CLIENT, scopes)["access_token"]}


async def test_people_me_shows_names_address_and_photo_with_their_source(
    mia: Person, sandbox: Sandbox
) -> None:
    header = await mia.bearer(SIGN_IN)
    person = (await mia.http.get(ME, params=MASK, headers=header)).json()
    sub = sandbox.account("mia@example.com").sub
    profile = {"type": "PROFILE", "id": sub}
    assert person["resourceName"] == f"people/{sub}"
    assert person["names"] == [
        {
            "metadata": {"primary": True, "source": profile, "sourcePrimary": True},
            "displayName": "Mia Neko",
            "familyName": "Neko",
            "givenName": "Mia",
            "displayNameLastFirst": "Neko, Mia",
            "unstructuredName": "Mia Neko",
        }
    ]
    assert person["emailAddresses"] == [
        {
            "metadata": {
                "primary": True,
                "verified": True,
                "source": {"type": "ACCOUNT", "id": sub},
                "sourcePrimary": True,
            },
            "value": "mia@example.com",
        }
    ]
    assert (person["photos"][0]["default"], person["photos"][0]["metadata"]["source"]) == (True, profile)
    assert person["metadata"]["objectType"] == "PERSON"
    by_id = await mia.http.get(f"/v1/people/{sub}", params=MASK, headers=header)
    assert by_id.json() == person


@pytest.mark.parametrize(
    ("scopes", "params", "fields"),
    [
        (["openid", "email"], MASK, "emailAddresses metadata"),
        (["openid", "profile"], MASK, "names photos metadata"),
        ([G + "contacts.readonly"], MASK, "names photos emailAddresses metadata"),
        (["profile"], {"personFields": "names"}, "names"),
        (["profile"], {"requestMask.includeField": "person.names,person.photos"}, "names photos"),
        (["email"], {"personFields": "email_addresses"}, "emailAddresses"),
        (["profile"], {**MASK, "sources": "READ_SOURCE_TYPE_CONTACT"}, ""),
        (["profile"], {**MASK, "fields": "names/displayName"}, "names"),
    ],
    ids=str,
)
async def test_scopes_and_masks_decide_what_is_shown(
    http: httpx2.AsyncClient, sandbox: Sandbox, scopes: list[str], params: dict[str, str], fields: str
) -> None:
    person = (await http.get(ME, params=params, headers=bearer(sandbox, *scopes))).json()
    assert set(person) - {"resourceName", "etag"} == set(fields.split())


async def test_every_refusal_of_people_has_the_newer_envelope(
    http: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    good = bearer(sandbox, "profile")
    bad = {"authorization": "Bearer ya29.nonsense"}
    for path, params, headers, code, status in (
        (ME, MASK, {}, 401, "UNAUTHENTICATED"),
        (ME, MASK, bad, 401, "UNAUTHENTICATED"),
        (ME, MASK, bearer(sandbox, CALENDARS), 403, "PERMISSION_DENIED"),
        (ME, {}, good, 400, "INVALID_ARGUMENT"),
        (ME, {"personFields": "names,colour"}, good, 400, "INVALID_ARGUMENT"),
        (ME, {**MASK, "sources": "nonsense"}, good, 400, "INVALID_ARGUMENT"),
        ("/v1/people/c123", MASK, good, 404, "NOT_FOUND"),
    ):
        refused = await http.get(path, params=params, headers=headers)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["status"]) == (code, code, status)
        assert "errors" not in error
        assert ("www-authenticate" in refused.headers) == (code in (401, 403))
    mask = (await http.get(ME, headers=good)).json()["error"]["message"]
    assert mask.startswith("personFields mask is required. Please specify one or more valid paths.")


async def test_people_works_through_the_generic_client(base: str, sandbox: Sandbox) -> None:
    token = sandbox.grant("mia@example.com", CLIENT, ["openid", "email"])["access_token"]

    def ask() -> str:
        url = base + "/discovery/v1/apis/{api}/{apiVersion}/rest"
        with build(
            "people",
            "v1",
            credentials=Credentials(token=token),
            discoveryServiceUrl=url,
            static_discovery=False,
            cache_discovery=False,
        ) as people:
            found = people.people().get(resourceName="people/me", personFields="emailAddresses").execute()
            return found["emailAddresses"][0]["value"]

    assert await asyncio.to_thread(ask) == "mia@example.com"
