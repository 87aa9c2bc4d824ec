"""Every text has a hash: the SHA-256 of its UTF-8."""

import hashlib

from catflap.store.token_hash import hash_token


def test_the_hash_is_the_sha256_of_the_token() -> None:
    assert hash_token("cf_0123") == hashlib.sha256(b"cf_0123").digest()


def test_a_text_that_is_not_unicode_has_a_hash_of_its_own() -> None:
    assert len({hash_token("\ud800"), hash_token("\udcff"), hash_token("?"), hash_token("")}) == 4
