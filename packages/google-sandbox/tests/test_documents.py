"""Discovery documents: Google's own, served by an install that has none of Google's packages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import httpx2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from google_sandbox.discovery import SERVED

REST = "/discovery/v1/apis/{}/{}/rest"

# What an installation of google-sandbox does not have.
BARE = """
import sys

DEVELOPMENT = {
    *("googleapiclient", "google", "google_auth_oauthlib", "gcal_sync"),
    *("requests", "httplib2", "jsonschema", "pytest"),
}

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in DEVELOPMENT:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from google_sandbox.cli import main
main()
"""


@pytest.fixture
def bare_sandbox() -> Iterator[str]:
    """The address of `google-sandbox`, started where no development package can be imported."""
    command = [sys.executable, "-c", BARE, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = None
        for line in process.stdout:
            if line.startswith("APIs"):
                address = line.split()[1]
                break
        assert address, "the command ended before it served"
        yield address
        process.terminate()


def test_the_copies_are_those_of_googles_package() -> None:
    """If this fails after an update: copy the files anew from googleapiclient/discovery_cache/documents."""
    ours = files("google_sandbox").joinpath("discovery_documents")
    theirs = files("googleapiclient").joinpath("discovery_cache/documents")
    assert {file.name for file in ours.iterdir()} == {f"{api}.{version}.json" for api, version in SERVED}
    for file in ours.iterdir():
        assert json.loads(file.read_text("utf-8")) == json.loads(
            theirs.joinpath(file.name).read_text("utf-8")
        )


@pytest.mark.slow
def test_the_discovery_service_url_works_without_development_packages(bare_sandbox: str) -> None:
    def service(api: str, version: str) -> Any:
        return build(
            api,
            version,
            credentials=Credentials(token="ya29.nonsense"),
            discoveryServiceUrl=bare_sandbox + "/discovery/v1/apis/{api}/{apiVersion}/rest",
            static_discovery=False,
            cache_discovery=False,
        )

    for api, version in SERVED:
        with service(api, version) as found:
            assert found._baseUrl.startswith(bare_sandbox + "/")


async def test_documents_point_at_the_sandbox_and_the_rest_is_404(
    http: httpx2.AsyncClient, base: str
) -> None:
    for api, version in SERVED:
        found = (await http.get(REST.format(api, version))).json()
        assert (found["rootUrl"], found["baseUrl"]) == (base + "/", base + "/" + found["servicePath"])
        assert not [name for name in found if name.startswith("mtls")]
    for missing in (REST.format("gmail", "v1"), REST.format("calendar", "v2"), "/$discovery/rest?version=v3"):
        assert (await http.get(missing)).status_code == 404
    listed = (await http.get("/discovery/v1/apis")).json()["items"]
    assert {item["discoveryRestUrl"] for item in listed} == {
        base + REST.format(api, version) for api, version in SERVED
    }


async def test_under_googles_names_the_documents_keep_googles_addresses(http: httpx2.AsyncClient) -> None:
    found = (await http.get(REST.format("calendar", "v3"), headers={"host": "www.googleapis.com"})).json()
    assert found["rootUrl"] == "https://www.googleapis.com/"
    people = await http.get(
        "/$discovery/rest", params={"version": "v1"}, headers={"host": "people.googleapis.com"}
    )
    assert people.json()["rootUrl"] == "https://people.googleapis.com/"
