"""For Schemathesis: send each request that it makes once more as everybody else, and look for faults of ours.

CATFLAP_STRANGERS_AS names a file of headers by identity. Making requests takes it far longer than sending
them, so they are made once for all.
"""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

IDENTITIES: dict[str, dict[str, str]] = json.loads(Path(os.environ["CATFLAP_STRANGERS_AS"]).read_text())
# What the mobile app is promised when Google refuses its code.
CONTRACT = {("/app/google-calendar/tokens", '{"error":"Failed to exchange auth code"}')}
STATUSES: Counter[tuple[str, int]] = Counter()


@schemathesis.check
def no_fault_for_anybody(context: Any, response: Any, case: Any) -> None:
    """Fails on any 5xx; what it returns is nothing to others."""
    for who, headers in IDENTITIES.items():
        answer = case.call(headers=headers, allow_redirects=False, timeout=30)
        STATUSES[who, answer.status_code // 100] += 1
        if (case.path, answer.text) not in CONTRACT:
            assert answer.status_code < 500, f"{who}: HTTP {answer.status_code}"


@atexit.register
def _tell() -> None:
    for who in IDENTITIES:
        told = ", ".join(f"{STATUSES[who, n]} {n}xx" for n in range(2, 6))
        print(f"{who}: {told}")  # noqa: T201
