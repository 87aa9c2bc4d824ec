"""Requests in the documentation, as HTTP, in pages and in other languages, are ones that the API knows."""

import json
import re

import pytest

from catflap.settings import Settings
from google_sandbox import Sandbox
from tests.support.doc_blocks import PAGES, ROOT, Block, blocks
from tests.support.doc_openapi import body_members

REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/\S*) *(\{.*\})?$", re.MULTILINE)

# History keeps names that have gone, contributors have settings of tests, and the sandbox is another server.
OURS = [
    page for page in PAGES if not page.startswith(("CHANGELOG", "CONTRIBUTING", "packages/google-sandbox"))
]
DART_REQUEST = re.compile(r"http\.(post)\(.*?'\$catflap(/[\w/-]+)'.*?jsonEncode\(\{(.*?)\}\)", re.DOTALL)


@pytest.mark.parametrize("block", blocks("http"), ids=str)
def test_a_request_has_a_route_and_members_that_its_body_knows(block: Block) -> None:
    requests = REQUEST.findall(block.text)
    assert requests, f"{block}: no line is METHOD /path"
    below = block.text.partition("\n\n")[2]
    for method, path, beside in requests:
        known = body_members(method, path)
        assert known is not None, f"{block}: {method} {path} is no route"
        if body := beside or below:
            assert json.loads(body).keys() <= known


@pytest.mark.parametrize("page", OURS)
def test_requests_in_the_text_have_a_route(page: str) -> None:
    """Requests between backticks, such as `GET /v1/me`; `/v1/devices/{id}` has any id."""
    named = re.findall(
        r"`(GET|POST|PUT|PATCH|DELETE) (/(?:v1|signin|google|app|metrics)[^`?\s]*)", _text(page)
    )
    assert [f"{method} {path}" for method, path in named if body_members(method, path) is None] == []


@pytest.mark.parametrize("page", OURS)
def test_settings_in_the_text_exist(page: str) -> None:
    named = set(re.findall(r"\b(CATFLAP_[A-Z_]*[A-Z])\b", _text(page)))
    known = {f"CATFLAP_{name.upper()}" for name in Settings.model_fields}
    assert sorted(named - known) == []


def _text(page: str) -> str:
    return (ROOT / page).read_text()


@pytest.mark.parametrize("block", blocks("html"), ids=str)
def test_a_page_loads_scripts_that_are_served(block: Block) -> None:
    names = re.findall(r'src="https://[\w.]+/static/([\w./]+)', block.text)
    assert names
    for name in names:
        assert list((ROOT / "src" / "catflap" / "web" / "static").rglob(name))


@pytest.mark.parametrize("block", blocks("dart"), ids=str)
def test_dart_sends_what_the_api_knows(block: Block) -> None:
    """There is no Dart here: its syntax is not checked, what it says to Catflap is."""
    sent = re.findall(
        r"http\.(post)\(.*?'\$catflap(/[\w/-]+)'.*?jsonEncode\(\{(.*?)\}\)", block.text, re.DOTALL
    )
    assert sent
    for method, path, members in sent:
        known = body_members(method, path)
        assert known is not None, f"{block}: {method} {path} is no route"
        assert set(re.findall(r"'(\w+)':", members)) <= known


def test_go_asks_at_addresses_that_the_sandbox_has() -> None:
    """There is no Go here: its syntax is not checked, where it asks is."""
    (block,) = [one for one in blocks() if one.language == "go"]
    served = [endpoint.path for endpoint in Sandbox().app.routes.endpoints]
    asked = re.findall(r'base ?\+ ?"(/[^"]+)"', block.text)
    assert len(asked) == 4
    for path in asked:
        assert any(known.startswith(path) for known in served), path
