"""Outgoing connections share one TLS context, and it checks certificates."""

import ssl

from catflap.tls import tls_context


def test_one_context_for_the_process_that_verifies_certificates() -> None:
    context = tls_context()
    assert context is tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname


def test_a_client_that_ignores_the_environment_has_a_context_of_its_own() -> None:
    assert tls_context(trust_env=False) is not tls_context()
