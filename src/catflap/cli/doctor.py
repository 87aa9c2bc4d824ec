"""`catflap doctor`: what is wrong with this installation, and what to do."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from catflap.checks import Examination, Finding, Severity, examine
from catflap.checks.catalogue import found
from catflap.checks.finding import SEVERITIES
from catflap.cli.runner import command, run
from catflap.errors import OperatorMustAct
from catflap.log import configure
from catflap.settings import Settings

cli = command()
_WIDTH, _INDENT = 100, 11
_COLOURS = {"problem": typer.colors.RED, "warning": typer.colors.YELLOW, "note": typer.colors.CYAN}


@cli.command(epilog="Examples:  catflap doctor    catflap doctor --json | jq '.findings[].code'")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    host: Annotated[str | None, typer.Option(help="Address of `catflap serve` [CATFLAP_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port of `catflap serve` [CATFLAP_PORT].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Directory of all data [CATFLAP_DATA_DIR].")] = None,
) -> None:
    """Say what is wrong with this installation and what to do, and change nothing.

    Works while `catflap serve` runs and while it does not. Ends with 0 if there is no problem, else with the
    code that a command would end with for it: 3 if you must act, 5 if something does not answer.
    """

    async def work() -> None:
        # Only errors: what a component warns of is a finding here.
        configure("console", "error")
        try:
            settings = Settings.read({"host": host, "port": port, "data_dir": data_dir})
        except OperatorMustAct as error:
            examination = Examination([found("settings_invalid", reason=error.message)], None)
        else:
            examination = await examine(settings)
        typer.echo(_as_json(examination) if as_json else "\n".join(_lines(examination)))
        if examination.exit_code:
            raise typer.Exit(examination.exit_code)

    run(work())


def _as_json(examination: Examination) -> str:
    fields = ("code", "severity", "group", "wrong", "remedy")
    findings = [{name: getattr(one, name) for name in fields} for one in examination.findings]
    registration = examination.registration and asdict(examination.registration)
    shown = {
        "version": version("catflap"),
        "exit_code": examination.exit_code,
        "register_at_google": registration,
    }
    return json.dumps({**shown, "findings": findings}, ensure_ascii=False)


def _lines(examination: Examination) -> Iterator[str]:
    if examination.registration is not None:
        yield "To register for the OAuth client at console.cloud.google.com, to the letter:"
        yield f"  redirect URI       {examination.registration.redirect_uri}"
        yield f"  JavaScript origin  {examination.registration.javascript_origin}"
    elif all(one.code != "settings_invalid" for one in examination.findings):
        yield "Nothing is to be registered at Google: people sign in by `catflap signin`."
    for group, findings in groupby(examination.findings, key=lambda one: one.group):
        yield ""
        yield typer.style(group, bold=True)
        for one in findings:
            yield from _shown(one)
    yield ""
    yield _summary([one.severity for one in examination.findings])


def _shown(finding: Finding) -> Iterator[str]:
    severity = typer.style(f"{finding.severity:<8}", fg=_COLOURS[finding.severity])
    first, *rest = _wrapped(finding.wrong)
    yield f"  {severity} {first}"
    for line in (*rest, *_wrapped(f"{finding.remedy} [{finding.code}]")):
        yield f"{'':<{_INDENT}}{line}"


def _wrapped(sentence: str) -> list[str]:
    """Break a sentence into lines; addresses and commands stay whole."""
    return wrap(sentence, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)


def _summary(severities: list[Severity]) -> str:
    counts = {severity: severities.count(severity) for severity in SEVERITIES}
    parts = [f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in counts.items() if n]
    return f"{', '.join(parts)}." if parts else "Nothing is wrong."
