"""The documentation as a site: it builds, its links lead somewhere, and its reference is whole."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from catflap.cli import COMMANDS
from docsite.__main__ import write
from docsite.http_api import document
from tests.support.doc_blocks import ROOT

_ZENSICAL = ROOT / ".venv-docs" / "bin" / "zensical"
_MUST_BE_THERE = "docs" in os.environ.get("CATFLAP_TESTS_MUST_NOT_SKIP", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("docsite"),
    pytest.mark.skipif(
        not _MUST_BE_THERE and not _ZENSICAL.exists(), reason="NO ZENSICAL: `make docs` installs it (130 MB)"
    ),
]
# Attributes whose address a browser fetches by itself, and the one that a reader follows.
_FETCHED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


@dataclass
class Page(HTMLParser):
    """What a built page fetches, links to and can be linked at."""

    text: str
    ids: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if values.get(_FETCHED.get(tag, "")):
            self.fetched.add(values[_FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """The pages of the built site by their paths; other files have no text."""
    folder = tmp_path_factory.mktemp("site")
    write(folder)
    command = [_ZENSICAL, "build", "--clean", "--strict", "--config-file", folder / "zensical.toml"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    files = [file for file in (folder / "site").rglob("*") if file.is_file()]
    return {str(file.relative_to(folder / "site")): Page(_html(file)) for file in files}


def test_every_link_and_anchor_leads_somewhere(site: dict[str, Page]) -> None:
    lost = [
        f"{path}: {link}"
        for path, page in site.items()
        for link in page.links | page.fetched
        if path != "404.html" and not urlsplit(link).scheme and _is_lost(site, path, link)
    ]
    assert lost == []
    assert len(site) > 80 and sum(len(page.links) for page in site.values()) > 3000


def test_addresses_elsewhere_are_whole(site: dict[str, Page]) -> None:
    for link in {link for page in site.values() for link in page.links if "://" in link}:
        parts = urlsplit(link)
        assert parts.hostname and not re.search(r"[\s<>\"]", link), link
        assert parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost"), link


def test_pages_fetch_nothing_from_elsewhere(site: dict[str, Page]) -> None:
    fetched = {address for page in site.values() for address in page.fetched}
    assert len(fetched) > 10
    assert [address for address in fetched if urlsplit(address).netloc] == []
    assert [path for path, page in site.items() if re.search(r"url\(.?https?:|@import", page.text)] == []


def test_every_page_of_the_docs_is_in_the_navigation_and_no_other(site: dict[str, Page]) -> None:
    configuration = (ROOT / "docsite" / "zensical.toml").read_text()
    lost = [page.name for page in (ROOT / "docs").glob("*.md") if f'"{page.name}"' not in configuration]
    assert not lost, f"add to nav of docsite/zensical.toml: {lost}"
    named = re.findall(r'= "([\w/-]+)\.md"', configuration)
    assert len(named) > 30 and [page for page in named if f"{page}.html" not in site] == []


def test_the_reference_has_every_operation_and_model(site: dict[str, Page]) -> None:
    shown = site["reference/http-api.html"]
    found = document()
    for path, methods in found["paths"].items():
        for method in methods:
            assert f">{method.upper()} {path}<" in shown.text
    assert {name.lower() for name in found["components"]["schemas"]} <= shown.ids


def test_the_reference_has_every_command_setting_and_public_name(site: dict[str, Page]) -> None:
    assert {f"catflap-{name}" for name in COMMANDS} <= site["reference/commands.html"].ids
    settings = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    assert len(settings) > 50 and {name.lower() for name in settings} <= site["reference/settings.html"].ids
    python = site["reference/python.html"].ids
    assert {
        "catflapcatflap",
        "catflapcurrentuser",
        "google_sandboxsandbox",
        "catflap_clientgoogleauth",
    } <= python


def _html(file: Path) -> str:
    return file.read_text() if file.suffix == ".html" else ""


def _is_lost(site: dict[str, Page], path: str, link: str) -> bool:
    """Whether a link of a page leads to no file, or to an anchor that is not there."""
    parts = urlsplit(urljoin(path, link))
    target = unquote(parts.path)
    target = f"{target}index.html" if target.endswith("/") or not target else target
    if target not in site:
        return True
    return bool(parts.fragment) and unquote(parts.fragment) not in site[target].ids
