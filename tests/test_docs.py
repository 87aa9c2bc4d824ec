"""README and docs: the code is code that runs, links work, tables match the code."""

import re
import tomllib
from pathlib import Path

import pytest

from bench import docs, measures
from catflap.web.schemas.error_codes import ERROR_CODES

ROOT = Path(__file__).parent.parent
# Codes that no HTTP answer carries, and where they are seen instead.
NOT_OVER_HTTP = {
    "calendars_off": "the start",
    "event_unknown": "catflap webhooks",
    "file_exists": "catflap backup",
    "file_unwritable": "catflap backup",
    "google_refused": "the problem of a calendar",
    "home_assistant_ca_unreadable": "the start, by CATFLAP_HOME_ASSISTANT_CA_FILE",
    "iss_invalid": "the page, by /?error=",
    "keys_in_use": "catflap keys",
    "keyset_in_environment": "catflap keys",
    "keyset_missing": "the start",
    "keyset_unreadable": "the start",
    "prefix_not_fixed": "the start",
    "queue_unread": "the health of catflap work",
    "push_never_arrives": "the log",
    "push_ended_at_once": "the log",
    "risc_refused": "catflap risc",
    "router_included_twice": "the start",
    "router_missing": "the start",
    "second_catflap": "the start",
    "rotation_runs": "catflap keys",
    "service_account_unreadable": "catflap risc",
    "settings_invalid": "the start",
    "speaker_gone": "the detail of an announcement that failed",
    "speaker_unavailable": "the detail of an announcement that failed",
    "webhook_address_refused": "catflap webhooks",
    "mosquitto_unwritable": "catflap device mosquitto",
    "mqtt_ca_unreadable": "the start, by CATFLAP_MQTT_CA_FILE",
    "mqtt_certificate_invalid": "the connection to the MQTT broker, in the log",
    "mqtt_refused": "the connection to the MQTT broker, in the log",
}
READ_FOR_PAGES = {".py", ".toml", ".yaml", ".js", ".html", ".service", ".json"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("packages/*/README.md"),
]


@pytest.mark.parametrize(
    ("page", "block"), [("README.md", 0), ("docs/embedding.md", 0), ("docs/embedding.md", 1)]
)
def test_the_lines_about_embedding_are_those_of_the_example(page: str, block: int) -> None:
    """The example itself is run by tests/web/test_embedding.py."""
    shown = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)[block]
    example = (ROOT / "examples" / "fastapi_app.py").read_text()
    for line in shown.splitlines():
        assert line in example.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_that_a_message_or_a_comment_names_exists() -> None:
    tops = ("src", "packages", "deploy", "firmware", "examples", "tests", "bench", "docsite")
    files = [file for top in tops for file in (ROOT / top).rglob("*") if file.suffix in READ_FOR_PAGES]
    named = {
        (file, page)
        for file in files
        for page in re.findall(r"(?<![\w/])docs/[\w./-]+\.md\b", file.read_text())
    }
    assert len(named) > 20
    assert [(str(file), page) for file, page in named if not _page_exists(file, page)] == []


def _page_exists(file: Path, page: str) -> bool:
    """Whether a page is there, in the repository or in the distribution that names it."""
    return any((folder / page).exists() for folder in file.parents)


def test_each_decision_has_a_number_of_its_own_also_in_its_title() -> None:
    files = sorted((ROOT / "docs" / "decisions").iterdir())
    titles = [int(re.findall(r"\d+", file.read_text().splitlines()[0])[0]) for file in files]
    assert [int(file.name.partition("-")[0]) for file in files] == titles == list(range(1, len(files) + 1))


def test_both_commands_are_in_the_readme_and_in_the_makefile() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for command in ("demo", "test"):
        assert f"make {command}" in readme
        assert f"\n{command}:" in makefile


def test_every_extra_is_in_the_table_of_what_to_install() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    for project in (ROOT, *(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))):
        declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        for extra in declared.get("optional-dependencies", {}):
            assert f"| `{declared['name']}[{extra}]` |" in page


def test_every_test_named_in_the_threat_tables_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    sources = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"::(test_\w+)", page))
    assert len(named) > 30
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


def test_the_error_table_is_the_one_of_the_code() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    shown = [line for line in page.splitlines() if re.match(r"\| `\w+` \| \d{3} ", line)]
    known = sorted(ERROR_CODES.values(), key=lambda one: (one.status, one.code))
    assert shown == [f"| `{one.code}` | {one.status} | {one.remedy} |" for one in known]


def test_every_error_code_that_http_can_answer_is_in_the_table() -> None:
    kinds = "BadRequest|TryAgain|OperatorMustAct|UserMustAct|Tampered"
    source = ROOT / "src" / "catflap"
    # These speak to the operator, at the start or on the command line.
    files = {*source.rglob("*.py")}
    files -= {file for folder in ("cli", "player", "store") for file in source.glob(f"{folder}/**/*.py")}
    files -= {source / name for name in ("settings.py", "google_client_settings.py", "extras.py")}
    text = "".join(file.read_text() for file in files)
    raised = set(re.findall(rf'\b(?:{kinds})\(\s*"([a-z_]+)"', text))
    assert len(raised) > 40
    assert raised - ERROR_CODES.keys() == NOT_OVER_HTTP.keys()


@pytest.mark.parametrize("page", docs.PAGES, ids=lambda page: page.name)
def test_tables_of_figures_are_those_of_the_committed_results(page: Path) -> None:
    """`python -m bench.docs` writes them anew."""
    assert page.read_text() == docs.filled(page.read_text())


def test_every_measure_has_one_table_in_the_docs() -> None:
    shown = [name for page in docs.PAGES for name in re.findall(r"<!-- bench: (\S+) -->", page.read_text())]
    assert sorted(shown) == sorted(one.name for one in measures.measures())
