"""Requests in the documentation, as HTTP, in pages and in other languages, are ones that the API knows."""

import json
import re

import pytest

from google_sandbox import Sandbox
from tests.support.doc_blocks import ROOT, Block, blocks
from tests.support.doc_openapi import body_members

REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/\S*) *(\{.*\})?$", re.MULTILINE)

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
