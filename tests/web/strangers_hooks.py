"""Schemathesis hooks: repeat each generated request with every other credential, and check for 5xx.

CATFLAP_STRANGERS_AS names a file of headers by identity. Making requests takes it far longer than sending
them, so they are made once for all.
"""

import atexit
import json
import os
from collections import Counter
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.openapi import Conformance


def _session() -> requests.Session:
    """Return a session that keeps its connection and nothing else."""
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return made


IDENTITIES: dict[str, dict[str, str]] = json.loads(Path(os.environ["CATFLAP_STRANGERS_AS"]).read_text())
# A connection of its own for each, because opening one takes as long as a request.
SESSIONS = {who: _session() for who in IDENTITIES}
# What the mobile app is promised when Google refuses its code.
CONTRACT = {("/app/google-calendar/tokens", b'{"error":"Failed to exchange auth code"}')}
# What the document declares, as Schemathesis reads it and as we do.
DECLARED = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
CONFORMANCE = Conformance(json.loads(Path(os.environ["CATFLAP_STRANGERS_DOCUMENT"]).read_text()))
STATUSES: Counter[tuple[str, int]] = Counter()


@schemathesis.check
def no_fault_for_anybody(context: Any, response: Any, case: Any) -> None:
    """Fail on any 5xx, and on any answer that the OpenAPI document does not declare."""
    for who, headers in IDENTITIES.items():
        answer = case.call(session=SESSIONS[who], headers=headers, allow_redirects=False, timeout=30)
        STATUSES[who, answer.status_code // 100] += 1
        if (case.path, answer.content) not in CONTRACT:
            assert answer.status_code < 500, f"{who}: HTTP {answer.status_code}"
        for conforms in DECLARED:
            conforms(context, answer, case)
        content_type = answer.headers.get("content-type", [None])[0]
        CONFORMANCE.check(case.method, _path(answer), answer.status_code, content_type, answer.content)


def _path(answer: Any) -> str:
    """The path that was sent, still encoded."""
    return str(urlsplit(answer.request.url).path)


@atexit.register
def _tell() -> None:
    for who in IDENTITIES:
        told = ", ".join(f"{STATUSES[who, n]} {n}xx" for n in range(2, 6))
        print(f"{who}: {told}")  # noqa: T201
