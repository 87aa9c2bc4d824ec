"""`catflap doctor` runs all checks at once, says what it found, and changes nothing."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catflap.checks import KINDS, Finding, catalogue, examination, examine
from catflap.checks.catalogue import found, found_by
from catflap.checks.installation import Installation
from catflap.errors import OperatorMustAct
from catflap.settings import Settings
from tests.support.app_client import RunningApp
from tests.support.beside import environment_beside
from tests.support.wheel import InstalledWheel

ROOT = Path(__file__).parents[2]


class Doctor:
    """`catflap doctor` of the built wheel, beside a running Catflap."""

    def __init__(self, app: RunningApp, installed: InstalledWheel) -> None:
        self._app = app
        self._installed = installed

    async def __call__(self, *options: str, **more: str) -> tuple[int, str, str]:
        folder, variables = (
            self._app.catflap.services.settings.data_dir,
            environment_beside(self._app, **more),
        )
        done = await asyncio.to_thread(self._installed.run, "doctor", *options, cwd=folder, **variables)
        return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
async def test_the_command_beside_a_running_catflap(app: RunningApp, installed: InstalledWheel) -> None:
    doctor = Doctor(app, installed)
    browser = await app.browser()
    await browser.sign_in()
    before = await app.dump()
    code, out, err = await doctor()
    assert (code, err) == (0, "")
    assert out.splitlines()[1] == f"  redirect URI       {app.origin}/signin/google/callback"
    assert out.splitlines()[2] == f"  JavaScript origin  {app.origin}"
    assert "\x1b" not in out, "colours are for terminals"
    assert "problem" not in out
    code, out, err = await doctor("--json", GOOGLE_CLIENT_SECRET="GOCSPX-a-wrong-one")
    assert (code, err) == (3, "")
    shown: dict[str, Any] = json.loads(out)
    assert shown["exit_code"] == 3
    assert shown["register_at_google"]["javascript_origin"] == app.origin
    assert [one["code"] for one in shown["findings"] if one["severity"] == "problem"] == [
        "google_client_rejected"
    ]
    secrets = ["GOCSPX", *(str(url.password) for url in (app.urls.app, app.urls.vault))]
    assert not [secret for secret in secrets if secret in out]
    assert await app.dump() == before
    code, out, _ = await doctor(CATFLAP_POPUP_REDIRECT_URI="nowhere")
    assert code == 3
    assert "CATFLAP_POPUP_REDIRECT_URI" in out and "registered" not in out
    desktop = {"CATFLAP_GOOGLE_DESKTOP_CLIENT_ID": "x", "CATFLAP_GOOGLE_DESKTOP_CLIENT_SECRET": "x"}
    _, out, _ = await doctor(**desktop, GOOGLE_CLIENT_ID="")
    assert out.startswith("Nothing is to be registered at Google")


async def test_a_check_that_fails_or_takes_too_long_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: Installation) -> Sequence[Finding]:
        raise ValueError("a secret")

    async def hangs(_: Installation) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(examination, "CHECKS", {"one": fails, "two": hangs})
    result = await examine(Settings(data_dir=tmp_path), seconds=0.1)
    own = [one for one in result.findings if one.group == "Doctor"]
    assert [one.code for one in own] == ["check_failed", "check_timed_out"]
    assert "'one'" in own[0].wrong and "ValueError" in own[0].wrong
    assert "secret" not in own[0].wrong
    assert result.exit_code == 5


def test_exit_codes_are_those_of_the_gravest_problem() -> None:
    def of(*codes: str) -> int:
        facts = dict.fromkeys(("reason", "check", "seconds", "host", "port", "path", "origin"), "x")
        return examination.Examination([found(code, **facts) for code in codes], None).exit_code

    assert of() == of("push_off", "trusted_proxies_missing") == 0
    assert of("mqtt_unavailable") == 5
    assert of("mqtt_unavailable", "settings_invalid", "check_failed") == 3
    assert of("check_failed") == 1


def test_an_error_of_no_kind_is_one_of_the_doctor() -> None:
    finding = found_by(OperatorMustAct("something_new", "It is new."))
    assert (finding.code, "It is new." in finding.wrong) == ("check_failed", True)
    assert found_by(OperatorMustAct("data_dir_unwritable", "no path was given")).code == "check_failed"


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    shown = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    assert shown == [
        (kind.code, kind.severity, f"{_of(kind.wrong)} | {_of(kind.remedy)}") for kind in KINDS.values()
    ]
    assert re.findall(r"^### (.*)$", page, re.MULTILINE) == list(catalogue.GROUPS)


def _of(template: str) -> str:
    """A sentence, with placeholders as the docs have them."""
    return re.sub(r"{(\w+)}", lambda found: f"*{found[1]}*", template)


def test_each_finding_has_a_test() -> None:
    sources = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in KINDS if f'"{code}"' not in sources] == []
