"""The circuit breaker opens after failures in a row and closes after one success."""

from datetime import timedelta

import pytest

from catflap.errors import TryAgain
from catflap.vault.circuit_breaker import CircuitBreaker


def test_the_circuit_opens_after_failures_in_a_row_and_probes_with_one_caller() -> None:
    now = 100.0
    circuit = CircuitBreaker(monotonic=lambda: now, jitter=lambda low, high: high)
    for grant_id in range(5):
        circuit.acquire()
        circuit.record_failure(grant_id)
    with pytest.raises(TryAgain) as caught:
        circuit.acquire()
    assert caught.value.after == timedelta(seconds=1)
    now += 1.0
    circuit.acquire()
    with pytest.raises(TryAgain):
        circuit.acquire()
    circuit.record_success()
    circuit.acquire()
    circuit.acquire()


def test_failures_of_one_grant_never_open_the_circuit_for_others() -> None:
    circuit = CircuitBreaker(monotonic=lambda: 100.0, jitter=lambda low, high: high)
    for _ in range(40):
        circuit.acquire()
        circuit.record_failure(7)
    circuit.acquire()


def test_the_circuit_never_waits_longer_than_eight_seconds() -> None:
    now = 100.0
    circuit = CircuitBreaker(monotonic=lambda: now, jitter=lambda low, high: high)
    for grant_id in range(40):
        circuit.record_failure(grant_id)
    with pytest.raises(TryAgain) as caught:
        circuit.check()
    assert caught.value.after == timedelta(seconds=8)
